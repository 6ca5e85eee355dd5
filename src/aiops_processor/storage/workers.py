"""The processes that do the work: who is alive, so that the work of the dead is taken over.

Times here are the database's own: the clocks of several machines differ, and a process whose clock is ten seconds
behind must not look dead to the others.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from aiops_processor.storage.alerts import insert
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import UtcDateTime, workers

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def beat(connection: Connection, executor_id: str, host: str) -> None:
    """Say that this process lives."""
    now = await _now(connection)
    row = {"executor_id": executor_id, "host": host, "started_at": now, "beat_at": now}
    statement = insert(connection, workers).values(row)
    await connection.execute(statement.on_conflict_do_update(index_elements=["executor_id"], set_={"beat_at": now}))


async def leave(connection: Connection, executor_id: str) -> None:
    """Say that this process ends: what it leaves is for others, at once."""
    await connection.execute(sa.update(workers).where(workers.c.executor_id == executor_id).values(beat_at=LONG_AGO))


async def alive(connection: Connection, within: timedelta) -> set[str]:
    """The executors that have been heard of so lately."""
    since = await _now(connection) - within
    rows = await connection.execute(sa.select(workers.c.executor_id).where(workers.c.beat_at >= since))
    return set(rows.scalars())


async def silent(connection: Connection, within: timedelta) -> set[str]:
    """The executors that are known and have not."""
    since = await _now(connection) - within
    rows = await connection.execute(sa.select(workers.c.executor_id).where(workers.c.beat_at < since))
    return set(rows.scalars())


async def forget(connection: Connection, executor_ids: Iterable[str]) -> None:
    await connection.execute(sa.delete(workers).where(workers.c.executor_id.in_(list(executor_ids))))


async def _now(connection: Connection) -> datetime:
    return (await connection.execute(sa.select(sa.func.current_timestamp(type_=UtcDateTime)))).scalar_one()
