"""The Watchdogs that we expect, and when each was last heard of."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from aiops_processor.models.watchdog import Watchdog
from aiops_processor.storage.alerts import insert
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import episodes, outbox, watchdogs

NEVER_CAME = ""
"""The fingerprint of one that is expected by configuration and has not come yet."""


async def expect(
    connection: Connection, source: str, fingerprint: str, labels: Mapping[str, str], now: datetime
) -> None:
    """Expect this one from now on; one that is expected already stays as it is.

    The first that comes takes the place of the one that was expected by configuration.
    """
    if fingerprint != NEVER_CAME:
        await connection.execute(
            sa.update(watchdogs)
            .where(watchdogs.c.source == source, watchdogs.c.fingerprint == NEVER_CAME, ~_expected(source, fingerprint))
            .values(fingerprint=fingerprint, labels=dict(labels))
        )
    row = {"source": source, "fingerprint": fingerprint, "labels": dict(labels), "heard_at": now, "counted_at": now}
    statement = insert(connection, watchdogs).values(**row, longest_seconds=0.0, told=0)
    await connection.execute(statement.on_conflict_do_nothing(index_elements=["source", "fingerprint"]))


async def any_of(connection: Connection, source: str) -> bool:
    """Whether one of this source is expected."""
    found = await connection.execute(sa.select(watchdogs.c.id).where(watchdogs.c.source == source).limit(1))
    return found.first() is not None


async def listed(connection: Connection) -> list[Watchdog]:
    """All that are expected."""
    return [_watchdog(row) for row in await connection.execute(sa.select(watchdogs).order_by(watchdogs.c.id))]


async def get(connection: Connection, watchdog_id: int) -> Watchdog | None:
    row = (await connection.execute(sa.select(watchdogs).where(watchdogs.c.id == watchdog_id))).one_or_none()
    return None if row is None else _watchdog(row)


async def last_words(connection: Connection) -> dict[int, datetime]:
    """When each was last heard of, by its id: what ingest wrote down. A resolve says that it fires no more."""
    same = (
        episodes.c.fired
        & (episodes.c.source == watchdogs.c.source)
        & (episodes.c.fingerprint == watchdogs.c.fingerprint)
    )
    rows = await connection.execute(
        sa.select(watchdogs.c.id, sa.func.max(episodes.c.last_seen, type_=episodes.c.last_seen.type))
        .join(episodes, same)
        .group_by(watchdogs.c.id)
    )
    return {row[0]: row[1] for row in rows}


async def save(connection: Connection, watchdog: Watchdog) -> None:
    """Write down how it stands."""
    values = watchdog.model_dump(include={"heard_at", "counted_at", "longest_seconds", "overdue_since", "told"})
    await connection.execute(sa.update(watchdogs).where(watchdogs.c.id == watchdog.id).values(**values))


async def forget(connection: Connection, watchdog_id: int) -> bool:
    """Expect it no more, and drop what was told of it; False where there is no such one. It is armed when it comes."""
    await end_episodes(connection, [watchdog_id])
    await connection.execute(sa.delete(outbox).where(outbox.c.watchdog_id == watchdog_id))
    result = await connection.execute(sa.delete(watchdogs).where(watchdogs.c.id == watchdog_id))
    return result.rowcount > 0


async def end_episodes(connection: Connection, watchdog_ids: Sequence[int]) -> None:
    """What is not expected any more ended when it was last seen: only a new episode arms a Watchdog."""
    same = (watchdogs.c.source == episodes.c.source) & (watchdogs.c.fingerprint == episodes.c.fingerprint)
    theirs = sa.exists().where(watchdogs.c.id.in_(watchdog_ids), same)
    last = sa.update(episodes).where(episodes.c.ended_at.is_(None), theirs)
    await connection.execute(last.values(ended_at=episodes.c.last_seen))


class OpenAlert(NamedTuple):
    """An alert that fires, as far as arming looks at it."""

    source: str
    fingerprint: str
    labels: dict[str, str]
    last_seen: datetime


async def open_alerts(connection: Connection) -> list[OpenAlert]:
    """All alerts that fire."""
    columns = (episodes.c.source, episodes.c.alert, episodes.c.last_seen)
    rows = await connection.execute(sa.select(*columns).where(episodes.c.ended_at.is_(None)))
    return [OpenAlert(row.source, row.alert["fingerprint"], row.alert["labels"], row.last_seen) for row in rows]


def _expected(source: str, fingerprint: str) -> sa.ColumnElement[bool]:
    other = watchdogs.alias()
    return sa.exists().where(other.c.source == source, other.c.fingerprint == fingerprint)


def _watchdog(row: sa.Row[Any]) -> Watchdog:
    return Watchdog(**{name: getattr(row, name) for name in Watchdog.model_fields})
