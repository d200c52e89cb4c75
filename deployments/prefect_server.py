"""Start a Prefect server whose SQLite database makes writers wait for each other, and lets none of them fail.

`python -m workbench.deployments.prefect_server` takes the options of `prefect server start`. `workbench server` and the
systemd unit start the server in this way.

Prefect begins a transaction as a reader (BEGIN DEFERRED). If somebody else writes before the transaction itself writes,
SQLite refuses the transaction at once. Then a request fails, or an automation loses an event: after four tries within
a tenth of a second, Prefect gives the event up. Two transactions can also wait for each other for a minute. A
transaction that begins as a writer (BEGIN IMMEDIATE) waits for its turn instead.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from workbench.system.imports import without_collection

with without_collection():
    # Prefect would import its API later, and look for garbage meanwhile.
    import prefect.server.api.server  # noqa: F401
    from prefect.server.database import dependencies
    from prefect.server.database.configurations import AioSqliteConfiguration
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
    from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


class WaitingSqlite(AioSqliteConfiguration):
    """A SQLite database in which every transaction waits until no other transaction writes."""

    @asynccontextmanager
    async def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        async with super().begin_transaction(session, with_for_update=True) as transaction:
            yield transaction


def main() -> None:
    """Run `prefect server start` in this process, with the arguments of this process."""
    url = PREFECT_API_DATABASE_CONNECTION_URL.value()
    if str(url).startswith("sqlite"):
        dependencies.MODELS_DEPENDENCIES["database_config"] = WaitingSqlite(connection_url=str(url))
    sys.argv[:1] = ["prefect", "server", "start"]
    runpy.run_module("prefect", run_name="__main__")


if __name__ == "__main__":
    main()
