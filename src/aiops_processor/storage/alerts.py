"""Episodes and deliveries: everything a post writes, in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from aiops_processor.models.alert import Alert
from aiops_processor.models.incident import Episode
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import deliveries, episodes

CHUNK = 5000  # SQLite takes at most 32,766 parameters a statement


@dataclass(frozen=True)
class DeliveryRow:
    """One thing that Alertmanager said."""

    key: str
    source: str
    receiver: str
    group_key: str
    external_url: str
    alerts: int
    truncated: int
    at: datetime


async def record_deliveries(connection: Connection, said: Sequence[DeliveryRow]) -> None:
    """Insert each, or count the repeat of one that is known."""
    if not said:
        return
    statement = insert(connection, deliveries)
    statement = statement.on_conflict_do_update(
        index_elements=["key"], set_={"last_at": statement.excluded.last_at, "repeats": deliveries.c.repeats + 1}
    )
    rows = [{**vars(row), "first_at": row.at, "last_at": row.at, "repeats": 0} for row in said]
    for row in rows:
        del row["at"]
    await connection.execute(statement, rows)


async def newest_episodes(connection: Connection, keys: Collection[tuple[str, str]]) -> list[Episode]:
    """The newest episode of each (source, fingerprint) that has one."""
    found: list[Episode] = []
    for source in {source for source, _ in keys}:
        fingerprints = [fingerprint for other, fingerprint in keys if other == source]
        for start in range(0, len(fingerprints), CHUNK):
            rows = await connection.execute(_newest(source, fingerprints[start : start + CHUNK]))
            found += map(episode, rows)
    return found


async def insert_episodes(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await connection.execute(sa.insert(episodes), list(rows))


async def update_episodes(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Each row has `id_`, `last_seen`, `ended_at` and `alert`."""
    changed = list(rows)
    if changed:
        await connection.execute(
            sa.update(episodes)
            .where(episodes.c.id == sa.bindparam("id_"))
            .values(
                last_seen=sa.bindparam("last_seen_"), ended_at=sa.bindparam("ended_at_"), alert=sa.bindparam("alert_")
            ),
            changed,
        )


async def ungrouped(connection: Connection, limit: int) -> list[Episode]:
    """Episodes without an incident, in event order."""
    rows = await connection.execute(
        sa.select(episodes)
        .where(episodes.c.grouped.is_(sa.false()))
        .order_by(episodes.c.starts_at, episodes.c.id)
        .limit(limit)
    )
    return [episode(row) for row in rows]


async def count_ungrouped(connection: Connection) -> int:
    counted = sa.select(sa.func.count()).select_from(episodes).where(episodes.c.grouped.is_(sa.false()))
    return (await connection.execute(counted)).scalar_one()


async def assign(connection: Connection, ids: Sequence[int], incident_id: int | None) -> None:
    """Put episodes into an incident; None marks what makes no incident (the Watchdog)."""
    for start in range(0, len(ids), CHUNK):
        await connection.execute(
            sa.update(episodes)
            .where(episodes.c.id.in_(ids[start : start + CHUNK]))
            .values(grouped=True, incident_id=incident_id)
        )


async def of_incident(connection: Connection, incident_id: int) -> list[Episode]:
    """An incident's episodes, oldest first."""
    rows = await connection.execute(
        sa.select(episodes).where(episodes.c.incident_id == incident_id).order_by(episodes.c.starts_at, episodes.c.id)
    )
    return [episode(row) for row in rows]


def episode(row: sa.Row[Any]) -> Episode:
    return Episode(
        id=row.id,
        source=row.source,
        receiver=row.receiver,
        group_key=row.group_key,
        alert=Alert.model_validate(row.alert),
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        ended_at=row.ended_at,
        incident_id=row.incident_id,
        previous=row.previous_id,
    )


def insert(connection: Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, which both databases spell alike but SQLAlchemy keeps apart."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def _newest(source: str, fingerprints: Sequence[str]) -> sa.Select[Any]:
    known = (episodes.c.source == source) & episodes.c.fingerprint.in_(fingerprints)
    newest = (
        sa.select(episodes.c.fingerprint, sa.func.max(episodes.c.starts_at).label("starts_at"))
        .where(known)
        .group_by(episodes.c.fingerprint)
        .subquery()
    )
    same = (episodes.c.fingerprint == newest.c.fingerprint) & (episodes.c.starts_at == newest.c.starts_at)
    return sa.select(episodes).join(newest, same).where(known)
