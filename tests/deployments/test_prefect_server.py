"""Tests of the Prefect server's database: transactions that write at the same time wait for each other.

Importing the server takes seconds, so only the tests import it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

if TYPE_CHECKING:
    from prefect.server.database.configurations import AioSqliteConfiguration

    from workbench.deployments.prefect_server import WaitingSqlite

pytestmark = pytest.mark.slow


def waiting(folder: Path) -> WaitingSqlite:
    """Return a database of our server."""
    from workbench.deployments.prefect_server import WaitingSqlite

    return WaitingSqlite(f"sqlite+aiosqlite:///{folder}/waiting.db")


def failing(folder: Path) -> AioSqliteConfiguration:
    """Return a database of Prefect's own server."""
    from prefect.server.database.configurations import AioSqliteConfiguration

    return AioSqliteConfiguration(f"sqlite+aiosqlite:///{folder}/failing.db")


async def _written(database: AioSqliteConfiguration, patience: float) -> int:
    """Let two transactions read, and then write. Return what they have counted to.

    A transaction that has read waits until the other has read, too, but at most `patience` seconds.
    """
    readers = 0
    both_have_read = asyncio.Event()
    async with (await database.engine()).begin() as connection:
        await connection.execute(sa.text("CREATE TABLE counter (value INTEGER)"))
        await connection.execute(sa.text("INSERT INTO counter VALUES (0)"))

    async def count() -> None:
        nonlocal readers
        session = await database.session(await database.engine())
        async with session, database.begin_transaction(session):
            value = (await session.execute(sa.text("SELECT value FROM counter"))).scalar_one()
            readers += 1
            if readers == 2:
                both_have_read.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(both_have_read.wait(), patience)
            await session.execute(sa.text("UPDATE counter SET value = :value"), {"value": value + 1})

    await asyncio.gather(count(), count())
    async with (await database.engine()).connect() as connection:
        return int((await connection.execute(sa.text("SELECT value FROM counter"))).scalar_one())


def test_transactions_that_read_and_then_write_wait_for_each_other(tmp_path: Path) -> None:
    """In Prefect's own configuration, one of them fails at once. An automation would lose its event."""
    assert asyncio.run(_written(waiting(tmp_path), patience=0.3)) == 2
    with pytest.raises(sa.exc.OperationalError, match="database is locked"):
        asyncio.run(_written(failing(tmp_path), patience=20))


@pytest.mark.parametrize(
    ("module", "expected"), [(None, "workbench.deployments.event_order"), ("prefect_redis.ordering",) * 2]
)
def test_the_order_of_events_is_ours_unless_the_user_has_set_another(module: str | None, expected: str) -> None:
    """Several servers that share a broker need the order of this broker."""
    from prefect.settings import PREFECT_SERVER_EVENTS_CAUSAL_ORDERING, temporary_settings

    from workbench.deployments.prefect_server import causal_ordering

    with temporary_settings({} if module is None else {PREFECT_SERVER_EVENTS_CAUSAL_ORDERING: module}):
        assert causal_ordering() == expected


def test_the_first_to_come_is_the_first_to_write(tmp_path: Path) -> None:
    """SQLite alone lets an unlucky transaction wait for half a minute on a busy server."""
    database = waiting(tmp_path)
    order: list[int] = []

    async def write(number: int) -> None:
        session = await database.session(await database.engine())
        async with session, database.begin_transaction(session):
            await session.execute(sa.text("SELECT 1"))
            await asyncio.sleep(0.01)
            order.append(number)

    async def write_all() -> None:
        await asyncio.gather(*(write(number) for number in range(20)))

    asyncio.run(write_all())
    assert order == list(range(20))
