"""Episodes and deliveries: everything a post writes, in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from aiops_processor.models.alert import Alert
from aiops_processor.models.incident import Episode
from aiops_processor.storage import bulk
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import deliveries, episodes, incidents, storable_key

MOST_COUNT = 2**63 - 1  # of alerts that were left out: what a column holds; the number was sent to us


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


REPEATED = (
    "ON CONFLICT (key) DO UPDATE SET last_at = excluded.last_at, truncated = excluded.truncated, "
    "repeats = deliveries.repeats + 1 + excluded.repeats"
)


async def record_deliveries(connection: Connection, said: Iterable[DeliveryRow]) -> None:
    """Insert each, or count the repeat of one that is known."""
    rows: dict[str, dict[str, Any]] = {}
    for delivery in said:  # PostgreSQL refuses to change a row twice in one statement
        before = rows.get(delivery.key)
        rows[delivery.key] = _delivery_row(delivery, repeats=before["repeats"] + 1 if before else 0)
    await bulk.insert(connection, deliveries, list(rows.values()), REPEATED)


class Newest(NamedTuple):
    """The newest episode of an alert, as far as what comes next depends on it."""

    id: int
    source: str
    fingerprint: str
    starts_at: datetime
    last_seen: datetime
    ended_at: datetime | None


async def newest_episodes(connection: Connection, keys: Collection[tuple[str, str]]) -> list[Newest]:
    """The newest episode of each (source, fingerprint) that has one."""
    found: dict[tuple[str, str], Newest] = {}
    for source in {source for source, _ in keys}:
        asked = {storable_key(fingerprint): fingerprint for other, fingerprint in keys if other == source}
        wanted = {"source": source, "fingerprints": bulk.listed(connection.dialect.name, asked)}
        for row in await connection.execute(_newest(connection.dialect.name), wanted):
            each = Newest(row.id, source, asked[row.fingerprint], row.starts_at, row.last_seen, row.ended_at)
            before = found.setdefault((source, each.fingerprint), each)
            if (each.starts_at, each.ended_at is None) > (before.starts_at, before.ended_at is None):
                found[source, each.fingerprint] = each
    return list(found.values())


async def insert_episodes(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Each row has all columns but `id`; `reconstructed` may be left out by all of them."""
    await bulk.insert(connection, episodes, rows)


async def insert_new_episodes(connection: Connection, columns: Mapping[str, Sequence[Any]]) -> None:
    """The same as columns, a third cheaper than rows, for the many that are posted."""
    await bulk.insert_columns(connection, episodes, columns)


async def update_episodes(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Each row has `id_`, `last_seen_`, `ended_at_` and `alert_`, which is None where the alert stays as it is."""
    changed = list(rows)
    if changed:
        await connection.execute(
            sa.update(episodes)
            .where(episodes.c.id == sa.bindparam("id_"))
            .values(
                last_seen=sa.bindparam("last_seen_"),
                ended_at=sa.bindparam("ended_at_"),
                alert=sa.func.coalesce(sa.bindparam("alert_", type_=episodes.c.alert.type), episodes.c.alert),
            ),
            changed,
        )


async def open_fingerprints(connection: Connection, source: str) -> set[str]:
    """Which alerts of a source are open, as `storable_key` spells their fingerprints."""
    rows = await connection.execute(
        sa.select(episodes.c.fingerprint).where(episodes.c.source == source, episodes.c.ended_at.is_(None))
    )
    return set(rows.scalars())


async def open_among(connection: Connection, source: str, fingerprints: Collection[str]) -> list[Episode]:
    """The open episodes of a source with one of these fingerprints, spelt as above."""
    rows = await connection.execute(
        sa.select(episodes)
        .where(
            episodes.c.source == source,
            bulk.among(connection, episodes.c.fingerprint, fingerprints),
            episodes.c.ended_at.is_(None),
        )
        .order_by(episodes.c.id)
    )
    return [episode(row) for row in rows]


async def receivers(connection: Connection, source: str) -> set[str]:
    """The receivers whose webhooks came from a source."""
    rows = await connection.execute(sa.select(deliveries.c.receiver).distinct().where(deliveries.c.source == source))
    return {name for name in rows.scalars() if name}


async def truncated_since(connection: Connection, source: str, since: datetime) -> set[str]:
    """The receivers of which a webhook since then left alerts out."""
    rows = await connection.execute(
        sa.select(deliveries.c.receiver)
        .distinct()
        .where(deliveries.c.source == source, deliveries.c.truncated > 0, deliveries.c.last_at >= since)
    )
    return set(rows.scalars())


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


async def assign(connection: Connection, ids: Collection[int], incident_id: int | None) -> None:
    """Put episodes into an incident; None marks what makes no incident (the Watchdog)."""
    await connection.execute(
        sa.update(episodes)
        .where(bulk.among(connection, episodes.c.id, ids))
        .values(grouped=True, incident_id=incident_id)
    )


async def move(connection: Connection, incident_id: int, into: int) -> None:
    """Put all episodes of one incident into another."""
    await connection.execute(sa.update(episodes).where(episodes.c.incident_id == incident_id).values(incident_id=into))


async def known_in(connection: Connection, incident_id: int, fingerprints: Collection[str]) -> set[str]:
    """Those of the fingerprints that the incident has already."""
    if not fingerprints:
        return set()
    rows = await connection.execute(
        sa.select(episodes.c.fingerprint)
        .distinct()
        .where(episodes.c.incident_id == incident_id, bulk.among(connection, episodes.c.fingerprint, fingerprints))
    )
    return set(rows.scalars())


async def of_incident(connection: Connection, incident_id: int) -> list[Episode]:
    """An incident's episodes, oldest first."""
    rows = await connection.execute(
        sa.select(episodes).where(episodes.c.incident_id == incident_id).order_by(episodes.c.starts_at, episodes.c.id)
    )
    return [episode(row) for row in rows]


class Some(NamedTuple):
    """Some of an incident's episodes, oldest first, and how many more it has."""

    episodes: list[Episode]
    more: int


async def some_of_incident(connection: Connection, incident_id: int, most: int) -> Some:
    """Its episodes where they are not more than `most`; else so many, those that fire before those that are over.

    The first that began and the last that ended are among them: so what they say of all is right.
    """
    theirs = episodes.c.incident_id == incident_id
    count = (await connection.execute(sa.select(sa.func.count()).select_from(episodes).where(theirs))).scalar_one()
    if count <= most:
        return Some(await of_incident(connection, incident_id), 0)
    ids = sa.select(episodes.c.id).where(theirs)
    over = episodes.c.ended_at.is_not(None)
    shown = (
        ids.order_by(episodes.c.starts_at, episodes.c.id).limit(1),
        ids.where(over).order_by(episodes.c.ended_at.desc(), episodes.c.id).limit(1),
        ids.order_by(over, episodes.c.starts_at, episodes.c.id).limit(most - 2),
    )
    some = sa.or_(*(episodes.c.id.in_(sa.select(each.subquery())) for each in shown))
    rows = await connection.execute(sa.select(episodes).where(some).order_by(episodes.c.starts_at, episodes.c.id))
    found = [episode(row) for row in rows]
    return Some(found, count - len(found))


async def last_of_incident(connection: Connection, incident_id: int, most: int) -> list[Episode]:
    """The episodes that we were told of last, the newest first."""
    theirs = sa.select(episodes).where(episodes.c.incident_id == incident_id)
    rows = await connection.execute(theirs.order_by(episodes.c.id.desc()).limit(most))
    return [episode(row) for row in rows]


async def first_of_incident(connection: Connection, incident_id: int, most: int, after: int = 0) -> list[Episode]:
    """The episodes that we were told of first, of those after that id: without looking at thousands of others."""
    theirs = (episodes.c.incident_id == incident_id) & (episodes.c.id > after)
    rows = await connection.execute(sa.select(episodes).where(theirs).order_by(episodes.c.id).limit(most))
    return [episode(row) for row in rows]


async def grouped_since(connection: Connection, since: datetime) -> list[Episode]:
    """The episodes that came since then and are in incidents which grouping made."""
    rows = await connection.execute(
        sa.select(episodes)
        .join(incidents, incidents.c.id == episodes.c.incident_id)
        .where(episodes.c.first_seen >= since, incidents.c.manual.is_(sa.false()), incidents.c.notify)
        .order_by(episodes.c.id)
    )
    return [episode(row) for row in rows]


def episode(row: sa.Row[Any]) -> Episode:
    """The alert is as it was last sent while it fired; when it began and ended is what we made of all that was said."""
    times = {"startsAt": row.starts_at, "endsAt": row.ended_at, "status": "resolved" if row.ended_at else "firing"}
    return Episode(
        id=row.id,
        source=row.source,
        receiver=row.receiver,
        group_key=row.group_key,
        alert=Alert.model_validate({**row.alert, **times}),
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        ended_at=row.ended_at,
        incident_id=row.incident_id,
        previous=row.previous_id,
        reconstructed=row.reconstructed,
    )


def insert(connection: Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, which both databases spell alike but SQLAlchemy keeps apart."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def _delivery_row(delivery: DeliveryRow, repeats: int) -> dict[str, Any]:
    return {
        "key": delivery.key,
        "source": delivery.source,
        "receiver": delivery.receiver,
        "group_key": delivery.group_key,
        "external_url": delivery.external_url,
        "alerts": delivery.alerts,
        "truncated": max(0, min(delivery.truncated, MOST_COUNT)),
        "first_at": delivery.at,
        "last_at": delivery.at,
        "repeats": repeats,
    }


@lru_cache(maxsize=2)  # building it costs more than what it finds
def _newest(dialect: str) -> sa.CompoundSelect[*tuple[Any, ...]]:
    """The open episode of each, and the newest of the closed ones: each half has an index of its own."""
    columns = [episodes.c[name] for name in Newest._fields]
    among = bulk.among_listed(dialect, episodes.c.fingerprint, sa.bindparam("fingerprints"))
    known = (episodes.c.source == sa.bindparam("source")) & among
    closed = known & episodes.c.ended_at.is_not(None)
    newest = (
        sa.select(episodes.c.fingerprint, sa.func.max(episodes.c.starts_at).label("starts_at"))
        .where(closed)
        .group_by(episodes.c.fingerprint)
        .subquery()
    )
    same = (episodes.c.fingerprint == newest.c.fingerprint) & (episodes.c.starts_at == newest.c.starts_at)
    return sa.union_all(
        sa.select(*columns).where(known & episodes.c.ended_at.is_(None)),
        sa.select(*columns).join(newest, same).where(closed),
    )
