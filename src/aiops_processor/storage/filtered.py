"""Alerts that a filter kept from making an incident."""

from collections.abc import Sequence

import sqlalchemy as sa

from aiops_processor.models.incident import FilteredAlert
from aiops_processor.storage import bulk
from aiops_processor.storage.alerts import episode
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import episodes


async def leave_out(connection: Connection, ids: Sequence[int], reason: str) -> None:
    """These make no incident, for this reason."""
    await connection.execute(
        sa.update(episodes)
        .where(bulk.among(connection, episodes.c.id, ids))
        .values(grouped=True, incident_id=None, filtered=reason)
    )


async def recent(connection: Connection, limit: int, before: int | None = None) -> list[FilteredAlert]:
    """The newest first; `before` is the id where the last page ended."""
    statement = sa.select(episodes).where(episodes.c.filtered.is_not(None)).order_by(episodes.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(episodes.c.id < before)
    return [_filtered(row) for row in await connection.execute(statement)]


async def get(connection: Connection, episode_id: int) -> FilteredAlert | None:
    """One of them, None where there is no such one."""
    statement = sa.select(episodes).where(episodes.c.id == episode_id, episodes.c.filtered.is_not(None))
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _filtered(row)


def _filtered(row: sa.Row[tuple[object, ...]]) -> FilteredAlert:
    found = episode(row)
    return FilteredAlert(
        id=found.id,
        source=found.source,
        alert=found.alert,
        reason=row.filtered,
        first_seen=found.first_seen,
        last_seen=found.last_seen,
        ended_at=found.ended_at,
    )
