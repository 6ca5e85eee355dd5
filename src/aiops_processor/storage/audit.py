"""What was changed, by whom, from where."""

from datetime import datetime

import sqlalchemy as sa

from aiops_processor.models.access import AuditEntry
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import audit


async def begin(connection: Connection, at: datetime, actor: str, address: str, action: str, target: str) -> int:
    """Write down that this is tried; returns its number."""
    values = {"at": at, "actor": actor, "address": address, "action": action, "target": target}
    return (await connection.execute(sa.insert(audit).values(**values).returning(audit.c.id))).scalar_one()


async def end(connection: Connection, number: int, status: int) -> None:
    """Write down what came of it."""
    await connection.execute(sa.update(audit).where(audit.c.id == number).values(status=status))


async def recent(connection: Connection, limit: int, before: int | None = None) -> list[AuditEntry]:
    """The newest first; `before` is the last number of the page before."""
    found = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        found = found.where(audit.c.id < before)
    return [AuditEntry.model_validate(dict(row._mapping)) for row in await connection.execute(found)]


async def forget(connection: Connection, before: datetime) -> None:
    """Delete what is older."""
    await connection.execute(sa.delete(audit).where(audit.c.at < before))
