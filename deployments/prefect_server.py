"""Start a Prefect server whose SQLite database makes writers wait for each other, and lets none of them fail.

`python -m workbench.deployments.prefect_server` takes the options of `prefect server start`. `workbench server` and the
systemd unit start the server in this way.

Prefect begins a transaction as a reader (BEGIN DEFERRED). If somebody else writes before the transaction itself writes,
SQLite refuses the transaction at once. Then a request fails, or an automation loses an event: after four tries within
a tenth of a second, Prefect gives the event up. Two transactions can also wait for each other for a minute. A
transaction that begins as a writer (BEGIN IMMEDIATE) waits for its turn instead. SQLite gives the turns to whoever asks
at the right moment, so an unlucky transaction could wait for half a minute. The server therefore keeps a queue of its
own, in which the first to come is the first to write.

With any database, a restarted server handles events in the order of `workbench.deployments.event_order`, unless the
user has set another order.
"""

from __future__ import annotations

import asyncio
import runpy
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from workbench.system.imports import without_collection

with without_collection():
    # Otherwise Prefect would import its API later, and look for garbage meanwhile.
    import prefect.server.api.server  # noqa: F401  # imported for its effect alone
    from prefect.server.database import dependencies
    from prefect.server.database.configurations import AioSqliteConfiguration
    from prefect.settings import (
        PREFECT_API_DATABASE_CONNECTION_URL,
        PREFECT_SERVER_EVENTS_CAUSAL_ORDERING,
        temporary_settings,
    )
    from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

    from workbench.deployments import event_order


#: For how many seconds a transaction waits for its turn in the queue. Then SQLite alone decides.
TURN_SECONDS = 60.0


class WaitingSqlite(AioSqliteConfiguration):
    """A SQLite database in which every transaction waits until all transactions that came before it have ended."""

    def __init__(self, connection_url: str) -> None:
        super().__init__(connection_url)
        # A lock belongs to one event loop. Prefect uses one loop for its API, and short-lived loops elsewhere.
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    @asynccontextmanager
    async def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        async with self._turn(), super().begin_transaction(session, with_for_update=True) as transaction:
            yield transaction

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None, None]:
        """Hold the turn of this event loop until the block ends. After TURN_SECONDS, go on without it."""
        lock = self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        try:
            await asyncio.wait_for(lock.acquire(), TURN_SECONDS)
        except TimeoutError:
            yield
            return
        try:
            yield
        finally:
            lock.release()


def causal_ordering() -> str:
    """Return the module that orders events: the user's module, or ours in the place of Prefect's default."""
    setting = PREFECT_SERVER_EVENTS_CAUSAL_ORDERING
    return event_order.__name__ if setting.value() == setting.default() else str(setting.value())


def main() -> None:
    """Run `prefect server start` in this process, with the arguments of this process."""
    url = PREFECT_API_DATABASE_CONNECTION_URL.value()
    if str(url).startswith("sqlite"):
        dependencies.MODELS_DEPENDENCIES["database_config"] = WaitingSqlite(connection_url=str(url))
    sys.argv[:1] = ["prefect", "server", "start"]
    with temporary_settings({PREFECT_SERVER_EVENTS_CAUSAL_ORDERING: causal_ordering()}):
        runpy.run_module("prefect", run_name="__main__")


if __name__ == "__main__":
    main()
