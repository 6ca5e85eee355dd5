"""Incidents, their timeline and their analyses."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.incident import Incident, IncidentState, TimelineEntry
from aiops_processor.storage.alerts import insert
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import Encoded, analyses, episodes, incidents, timeline


async def create(connection: Connection, incident: Incident, *, notify: bool) -> Incident:
    """Insert an incident; its `id` is ignored and the new one is in what is returned."""
    values = incident.model_dump(exclude={"id"})
    result = await connection.execute(sa.insert(incidents).values(**values, notify=notify).returning(incidents.c.id))
    return incident.model_copy(update={"id": result.scalar_one()})


async def get(connection: Connection, incident_id: int) -> Incident | None:
    row = (await connection.execute(_one(incident_id))).one_or_none()
    return None if row is None else incident_of(row)


async def get_to_change(connection: Connection, incident_id: int) -> Incident | None:
    """The incident as it stays until the end of this transaction: nobody else changes it meanwhile."""
    row = (await connection.execute(_one(incident_id).with_for_update(key_share=True))).one_or_none()
    return None if row is None else incident_of(row)


def joinable(resolved_since: datetime) -> sa.ColumnElement[bool]:
    """Incidents that last, or ended since then; not those merged into another.

    Nor those asked for by hand or reconstructed: nobody is told of them, and so would not be of what joins.
    """
    lasts = incidents.c.resolved_at.is_(None) | (incidents.c.resolved_at >= resolved_since)
    told = incidents.c.notify & incidents.c.manual.is_(sa.false())
    return lasts & told & incidents.c.merged_into.is_(None)


async def change(connection: Connection, incident_id: int, **values: Any) -> None:
    await connection.execute(sa.update(incidents).where(incidents.c.id == incident_id).values(**values))


async def due(connection: Connection, now: datetime, limit: int) -> list[Incident]:
    """Incidents whose next analysis is due and none is under way; each for one caller only.

    The most urgent first, of those the longest due.
    """
    rows = await connection.execute(
        sa.select(incidents)
        .where(incidents.c.due_at <= now, incidents.c.state != IncidentState.ANALYSING)
        .order_by(incidents.c.priority, incidents.c.due_at)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return [incident_of(row) for row in rows]


async def next_due(connection: Connection) -> datetime | None:
    """When the next analysis is due. One that waits for the end of another is started by that end."""
    startable = incidents.c.state != IncidentState.ANALYSING
    return (await connection.execute(sa.select(sa.func.min(incidents.c.due_at)).where(startable))).scalar_one()


async def pull_in(connection: Connection, latest: datetime, latest_completed: datetime, now: datetime) -> bool:
    """What is due later than anything can be is due now: the clock was set back. True where there was any.

    A report that waits for its model may be due later than one that waits for more alerts.
    """
    late = ((incidents.c.due_at > latest) & ~_waits_for_model()) | (incidents.c.due_at > latest_completed)
    return (await connection.execute(sa.update(incidents).where(late).values(due_at=now))).rowcount > 0


async def in_analysis(connection: Connection) -> list[Incident]:
    rows = await connection.execute(sa.select(incidents).where(incidents.c.state == IncidentState.ANALYSING))
    return [incident_of(row) for row in rows]


async def over(connection: Connection) -> list[Incident]:
    """Unresolved incidents of which every episode has ended, to be changed."""
    rows = await connection.execute(
        sa.select(incidents).where(_is_over()).order_by(incidents.c.id).with_for_update(key_share=True)
    )
    return [incident_of(row) for row in rows]


async def left_behind(
    connection: Connection, episode_ids: Sequence[int], before: datetime
) -> list[tuple[Incident, datetime]]:
    """Unresolved incidents of these episodes whose last one ended before then, and when; to be changed."""
    theirs = sa.select(episodes.c.incident_id).where(episodes.c.id.in_(episode_ids))
    last_end = sa.select(sa.func.max(episodes.c.ended_at)).where(episodes.c.incident_id == incidents.c.id)
    ended_at = last_end.scalar_subquery()
    rows = await connection.execute(
        sa.select(incidents, ended_at.label("ended_at"))
        .where(incidents.c.id.in_(theirs), _is_over(), ended_at < before)
        .with_for_update(key_share=True)
    )
    return [(incident_of(row), row.ended_at) for row in rows]


async def recent(connection: Connection, limit: int, before: int | None = None) -> list[Incident]:
    """Incidents, newest first; `before` is the id where the last page ended."""
    statement = sa.select(incidents).order_by(incidents.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(incidents.c.id < before)
    return [incident_of(row) for row in await connection.execute(statement)]


async def waiting(connection: Connection) -> int:
    """How many incidents wait for an analysis or are in one, or are over and not yet resolved.

    Without those that are told and only wait for a model to come back: it may never.
    """
    due = incidents.c.due_at.is_not(None) & ~_waits_for_model()
    in_work = due | (incidents.c.state == IncidentState.ANALYSING)
    counted = sa.select(sa.func.count()).select_from(incidents).where(in_work | _is_over())
    return (await connection.execute(counted)).scalar_one()


def _waits_for_model() -> sa.ColumnElement[bool]:
    return sa.func.coalesce(incidents.c.due_at == incidents.c.complete_at, sa.false())


def _is_over() -> sa.ColumnElement[bool]:
    still_open = sa.select(episodes.c.id).where(episodes.c.incident_id == incidents.c.id, episodes.c.ended_at.is_(None))
    return sa.and_(incidents.c.resolved_at.is_(None), incidents.c.manual.is_(sa.false()), ~still_open.exists())


async def wants_notification(connection: Connection, incident_id: int) -> bool:
    row = await connection.execute(sa.select(incidents.c.notify).where(incidents.c.id == incident_id))
    return bool(row.scalar_one_or_none())


async def note(connection: Connection, incident_id: int, entry: TimelineEntry) -> None:
    """Add a line to the incident's history."""
    await connection.execute(sa.insert(timeline).values(incident_id=incident_id, **entry.model_dump()))


async def history(connection: Connection, incident_id: int) -> list[TimelineEntry]:
    rows = await connection.execute(
        sa.select(timeline.c.at, timeline.c.kind, timeline.c.text)
        .where(timeline.c.incident_id == incident_id)
        .order_by(timeline.c.id)
    )
    return [TimelineEntry(at=row.at, kind=row.kind, text=row.text) for row in rows]


async def begin_attempt(connection: Connection, incident_id: int, generation: int) -> int:
    """Count one more attempt at this analysis; returns how many there are now."""
    statement = insert(connection, analyses).values(incident_id=incident_id, generation=generation, attempts=1)
    counted = statement.on_conflict_do_update(
        index_elements=["incident_id", "generation"], set_={"attempts": analyses.c.attempts + 1}
    ).returning(analyses.c.attempts)
    return (await connection.execute(counted)).scalar_one()


async def save_evidence(connection: Connection, incident_id: int, generation: int, report: EvidenceReport) -> None:
    await _change_analysis(connection, incident_id, generation, evidence=Encoded(report.model_dump_json()))


async def save_result(
    connection: Connection, incident_id: int, generation: int, result: AnalysisResult, at: datetime
) -> None:
    values = {"result": Encoded(result.model_dump_json()), "finished_at": at}
    await _change_analysis(connection, incident_id, generation, **values)


async def evidence_of(connection: Connection, incident_id: int, generation: int) -> EvidenceReport | None:
    stored = (await connection.execute(_analysis(analyses.c.evidence, incident_id, generation))).scalar_one_or_none()
    return None if stored is None else EvidenceReport.model_validate(stored)


async def latest_analysis(
    connection: Connection, incident_id: int
) -> tuple[EvidenceReport | None, AnalysisResult | None]:
    """The newest evidence and result that an incident has."""
    row = (
        await connection.execute(
            sa.select(analyses.c.evidence, analyses.c.result)
            .where(analyses.c.incident_id == incident_id, analyses.c.result.is_not(None))
            .order_by(analyses.c.generation.desc())
            .limit(1)
        )
    ).one_or_none()
    if row is None:
        return None, None
    evidence = EvidenceReport.model_validate(row.evidence) if row.evidence else None
    return evidence, AnalysisResult.model_validate(row.result)


async def episode_counts(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """How many episodes each of these incidents has."""
    rows = await connection.execute(
        sa.select(episodes.c.incident_id, sa.func.count())
        .where(episodes.c.incident_id.in_(ids))
        .group_by(episodes.c.incident_id)
    )
    return {row[0]: row[1] for row in rows}


def incident_of(row: sa.Row[Any]) -> Incident:
    return Incident(**{name: getattr(row, name) for name in Incident.model_fields})


def _one(incident_id: int) -> sa.Select[Any]:
    return sa.select(incidents).where(incidents.c.id == incident_id)


def _analysis(column: sa.Column[Any], incident_id: int, generation: int) -> sa.Select[Any]:
    return sa.select(column).where(analyses.c.incident_id == incident_id, analyses.c.generation == generation)


async def _change_analysis(connection: Connection, incident_id: int, generation: int, **values: Any) -> None:
    await connection.execute(
        sa.update(analyses)
        .where(analyses.c.incident_id == incident_id, analyses.c.generation == generation)
        .values(**values)
    )
