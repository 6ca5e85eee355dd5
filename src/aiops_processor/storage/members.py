"""What grouping looks at of the episodes that an incident has: few rows, however many alerts a storm brings."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from aiops_processor.storage import bulk
from aiops_processor.storage.database import Connection
from aiops_processor.storage.incidents import joinable
from aiops_processor.storage.tables import incidents, members, storable_key

Key = tuple[str, str]


class StoredMember(NamedTuple):
    """Some of an incident's episodes stand under this key (a kind and a name), in this realm.

    They began at `starts_at`; None where they belong together whenever they begin.
    """

    incident_id: int
    key: Key
    realm: tuple[str, ...]
    starts_at: datetime | None


async def keep(connection: Connection, found: Collection[StoredMember]) -> None:
    """Insert them; one that is there already does no harm."""
    rows = [
        {
            "incident_id": each.incident_id,
            "kind": each.key[0],
            "name": each.key[1],
            "realm": each.realm,
            "starts_at": each.starts_at,
        }
        for each in found
    ]
    await bulk.insert(connection, members, rows)


async def under(
    connection: Connection, keys: Collection[Key], since: datetime, until: datetime, resolved_since: datetime
) -> list[StoredMember]:
    """What stands under these keys and began between these two, of incidents that new episodes may join."""
    kinds: dict[str, dict[str, str]] = defaultdict(dict)
    for kind, name in keys:
        kinds[kind][storable_key(name)] = name
    found: list[StoredMember] = []
    for kind, names in kinds.items():
        rows = await connection.execute(_under(connection, kind, names, since, until, resolved_since))
        found += (
            StoredMember(row.incident_id, (kind, names[row.name]), tuple(row.realm), row.starts_at) for row in rows
        )
    return found


async def move(connection: Connection, incident_id: int, into: int) -> None:
    """Put all of one incident into another."""
    await connection.execute(sa.update(members).where(members.c.incident_id == incident_id).values(incident_id=into))


def _under(
    connection: Connection,
    kind: str,
    names: Collection[str],
    since: datetime,
    until: datetime,
    resolved_since: datetime,
) -> sa.Select[*tuple[int, str, tuple[str, ...], datetime | None]]:
    whenever_or_then = members.c.starts_at.is_(None) | members.c.starts_at.between(since, until)
    return (
        sa.select(members.c.incident_id, members.c.name, members.c.realm, members.c.starts_at)
        .join(incidents, incidents.c.id == members.c.incident_id)
        .where(
            members.c.kind == kind,
            bulk.among(connection, members.c.name, names),
            whenever_or_then,
            joinable(resolved_since),
        )
    )
