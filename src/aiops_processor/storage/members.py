"""What grouping looks at of the episodes that an incident has: few rows, however many alerts a storm brings."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from aiops_processor.storage.database import Connection
from aiops_processor.storage.incidents import joinable
from aiops_processor.storage.tables import incidents, members


class StoredMember(NamedTuple):
    """An episode of this incident, or many that do not differ in this."""

    incident_id: int
    source: str
    group_key: str
    entity: str
    namespace: str
    realm: tuple[str, ...]
    starts_at: datetime


async def keep(connection: Connection, found: Collection[StoredMember]) -> None:
    """Insert them; one that is there already does no harm."""
    if found:
        rows = [{**member._asdict(), "realm": list(member.realm)} for member in found]
        await connection.execute(sa.insert(members), rows)


async def begun(
    connection: Connection, since: datetime, until: datetime, resolved_since: datetime
) -> list[StoredMember]:
    """What began between these two in incidents that new episodes may join."""
    rows = await connection.execute(
        sa.select(*(members.c[name] for name in StoredMember._fields))
        .join(incidents, incidents.c.id == members.c.incident_id)
        .where(joinable(resolved_since), members.c.starts_at.between(since, until))
    )
    return [
        StoredMember(
            row.incident_id,
            row.source,
            row.group_key,
            row.entity,
            row.namespace,
            tuple(row.realm),
            row.starts_at,
        )
        for row in rows
    ]


async def group_keys(connection: Connection, resolved_since: datetime) -> list[tuple[int, str, str]]:
    """The Alertmanager groups of incidents that new episodes may join: (incident id, source, group key)."""
    rows = await connection.execute(
        sa.select(members.c.incident_id, members.c.source, members.c.group_key)
        .distinct()
        .join(incidents, incidents.c.id == members.c.incident_id)
        .where(joinable(resolved_since), members.c.group_key != "")
    )
    return [(row.incident_id, row.source, row.group_key) for row in rows]


async def sources(connection: Connection, incident_id: int) -> set[str]:
    """Where the alerts of an incident came from."""
    rows = await connection.execute(sa.select(members.c.source).distinct().where(members.c.incident_id == incident_id))
    return set(rows.scalars())


async def move(connection: Connection, incident_id: int, into: int) -> None:
    """Put all of one incident into another."""
    await connection.execute(sa.update(members).where(members.c.incident_id == incident_id).values(incident_id=into))
