"""What ties later episodes to incidents by the configured rules of grouping."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from aiops_processor.storage.database import Connection
from aiops_processor.storage.incidents import joinable
from aiops_processor.storage.tables import incidents, ties


class StoredTie(NamedTuple):
    """An episode of this incident had this tie, in this realm."""

    incident_id: int
    tie: str
    realm: tuple[str, ...]
    starts_at: datetime


async def keep(connection: Connection, found: Sequence[StoredTie]) -> None:
    if found:
        await connection.execute(sa.insert(ties), [{**tie._asdict(), "realm": list(tie.realm)} for tie in set(found)])


async def of_joinable(connection: Connection, since: datetime, resolved_since: datetime) -> list[StoredTie]:
    """Those that began since then, of incidents that new episodes may join."""
    rows = await connection.execute(
        sa.select(ties)
        .join(incidents, incidents.c.id == ties.c.incident_id)
        .where(joinable(resolved_since), ties.c.starts_at >= since)
    )
    return [StoredTie(row.incident_id, row.tie, tuple(row.realm), row.starts_at) for row in rows]


async def move(connection: Connection, incident_id: int, into: int) -> None:
    """Put all ties of one incident into another."""
    await connection.execute(sa.update(ties).where(ties.c.incident_id == incident_id).values(incident_id=into))
