"""Deleting what has had its time: each function deletes at most so many, and returns how many it did."""

from datetime import datetime

import sqlalchemy as sa

from aiops_processor.models.incident import IncidentState
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import (
    alert_names,
    analyses,
    dead_letters,
    deliveries,
    episodes,
    exchanges,
    incidents,
    members,
    outbox,
    ties,
    timeline,
    watchdogs,
)


async def evidence(connection: Connection, before: datetime, most: int) -> int:
    """The raw evidence of analyses that ended before; what was concluded of it stays."""
    old = (
        sa.select(analyses.c.incident_id, analyses.c.generation)
        .where(analyses.c.finished_at < before, analyses.c.evidence.is_not(None))
        .limit(most)
    )
    return await _count(
        connection,
        sa.update(analyses)
        .where(sa.tuple_(analyses.c.incident_id, analyses.c.generation).in_(old))
        .values(evidence=sa.null()),
    )


async def incidents_over(connection: Connection, before: datetime, most: int) -> int:
    """Incidents that ended before, or were asked for by hand before, with all that belongs to them."""
    asked = incidents.c.manual & incidents.c.state.not_in([IncidentState.OPEN, IncidentState.ANALYSING])
    over = incidents.c.resolved_at < before
    old = sa.select(incidents.c.id).where(incidents.c.updated_at < before, over | asked).limit(most)
    ids = list((await connection.execute(old)).scalars())
    if not ids:
        return 0
    for table in (outbox, timeline, exchanges, analyses, ties, members, episodes):
        await connection.execute(sa.delete(table).where(table.c.incident_id.in_(ids)))
    return await _count(connection, sa.delete(incidents).where(incidents.c.id.in_(ids)))


async def lone_episodes(connection: Connection, before: datetime, most: int) -> int:
    """Episodes that made no incident, and are over: the Watchdog's, and resolves that came alone."""
    alone = episodes.c.incident_id.is_(None) & episodes.c.grouped
    old = alone & episodes.c.ended_at.is_not(None) & (episodes.c.last_seen < before)
    return await _delete(connection, episodes, episodes.c.id, old, most)


async def old_deliveries(connection: Connection, before: datetime, most: int) -> int:
    """What Alertmanager said; the newest of each receiver stays, for by it we know that the receiver is ours."""
    newer = deliveries.alias()
    same = (newer.c.source == deliveries.c.source) & (newer.c.receiver == deliveries.c.receiver)
    not_the_last = sa.exists().where(same, newer.c.last_at > deliveries.c.last_at)
    return await _delete(connection, deliveries, deliveries.c.key, (deliveries.c.last_at < before) & not_the_last, most)


async def old_dead_letters(connection: Connection, before: datetime, most: int) -> int:
    return await _delete(connection, dead_letters, dead_letters.c.id, dead_letters.c.last_at < before, most)


async def lost_watchdogs(connection: Connection, before: datetime, most: int) -> int:
    """Watchdogs that have been silent for so long that nobody waits for them."""
    lost = sa.select(watchdogs.c.id).where(watchdogs.c.overdue_since < before).limit(most)
    ids = list((await connection.execute(lost)).scalars())
    if ids:
        await connection.execute(sa.delete(outbox).where(outbox.c.watchdog_id.in_(ids)))
        await connection.execute(sa.delete(watchdogs).where(watchdogs.c.id.in_(ids)))
    return len(ids)


async def told_of_watchdogs(connection: Connection, before: datetime, most: int) -> int:
    """What was told of Watchdogs that are still expected."""
    old = outbox.c.watchdog_id.is_not(None) & (outbox.c.created_at < before)
    return await _delete(connection, outbox, outbox.c.id, old, most)


async def old_names(connection: Connection, before: datetime, most: int) -> int:
    """Alert names that no alert has had since."""
    old = sa.select(alert_names.c.source, alert_names.c.name).where(alert_names.c.last_at < before).limit(most)
    both = sa.tuple_(alert_names.c.source, alert_names.c.name)
    return await _count(connection, sa.delete(alert_names).where(both.in_(old)))


ALL = (
    incidents_over,
    lone_episodes,
    old_deliveries,
    old_dead_letters,
    lost_watchdogs,
    told_of_watchdogs,
    old_names,
)
"""Everything that is kept as long as incidents are; `evidence` is kept less long."""


async def _delete(
    connection: Connection,
    table: sa.Table,
    key: sa.Column[int] | sa.Column[str],
    condition: sa.ColumnElement[bool],
    most: int,
) -> int:
    return await _count(connection, sa.delete(table).where(key.in_(sa.select(key).where(condition).limit(most))))


async def _count(connection: Connection, statement: sa.Delete | sa.Update) -> int:
    return (await connection.execute(statement)).rowcount
