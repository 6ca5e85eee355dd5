"""The processes that do the work: who is alive, so that the work of the dead is taken over."""

from datetime import datetime

import sqlalchemy as sa

from aiops_processor.storage.alerts import insert
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import workers


async def beat(connection: Connection, executor_id: str, host: str, now: datetime) -> None:
    """Say that this process lives."""
    row = {"executor_id": executor_id, "host": host, "started_at": now, "beat_at": now}
    statement = insert(connection, workers).values(row)
    await connection.execute(statement.on_conflict_do_update(index_elements=["executor_id"], set_={"beat_at": now}))


async def silent_since(connection: Connection, since: datetime) -> list[str]:
    """The executors that have not been heard of since then."""
    rows = await connection.execute(sa.select(workers.c.executor_id).where(workers.c.beat_at < since))
    return list(rows.scalars())


async def forget(connection: Connection, executor_ids: list[str]) -> None:
    await connection.execute(sa.delete(workers).where(workers.c.executor_id.in_(executor_ids)))
