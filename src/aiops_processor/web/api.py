"""What programs ask us: health, queue, metrics, incidents."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from aiops_processor.models.action import ActionRecord
from aiops_processor.models.analysis import AnalysisResult, Exchange
from aiops_processor.models.base import Frozen
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.incident import Episode, Incident, TimelineEntry
from aiops_processor.models.notification import Delivery
from aiops_processor.models.past import GivenFeedback
from aiops_processor.services.upkeep.health import HealthReport
from aiops_processor.storage import actions as action_rows
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import dead_letters, outbox, spending
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import past as past_rows
from aiops_processor.telemetry import CONTENT_TYPE
from aiops_processor.web.service import Running
from aiops_processor.web.webhook import count_waiting

MOST_ID = 2**63 - 1  # what a database's integer holds
MOST_EPISODES = 500  # in one answer: reading and writing thousands would hold up every post for a second

router = APIRouter()


class QueueStatus(Frozen):
    """`queue_size` is what waits in all; 0 means that everything is analysed and told."""

    queue_size: int
    alerts_ungrouped: int
    incidents_waiting: int
    deliveries_pending: int
    dead_letters: int


class IncidentDetail(Frozen):
    """An incident with all that is known of it. Of a storm `episodes` are some; `more_episodes` counts the others."""

    incident: Incident
    episodes: tuple[Episode, ...]
    more_episodes: int = 0
    timeline: tuple[TimelineEntry, ...]
    deliveries: tuple[Delivery, ...]
    evidence: EvidenceReport | None
    analysis: AnalysisResult | None
    exchanges: tuple[Exchange, ...] = ()
    feedback: tuple[GivenFeedback, ...] = ()
    actions: tuple[ActionRecord, ...] = ()


@router.get("/health", tags=["operations"])
@router.get("/health/", include_in_schema=False)
async def health(request: Request, service: Running, response: Response) -> HealthReport:
    """200 with `healthy` or `degraded`; 503 only when our own store fails. Details are for whoever may read."""
    report = await service.health.report()
    response.status_code = 503 if report.status == "unhealthy" else 200
    return report if hasattr(request.state, "caller") else report.for_strangers()


@router.get("/health/live", tags=["operations"])
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/health/ready", tags=["operations"])
async def ready(service: Running, response: Response) -> dict[str, str]:
    """Alerts can be stored; 503 where they cannot."""
    if await service.health.ready():
        return {"status": "ready"}
    response.status_code = 503
    return {"status": "the store does not answer"}


@router.get("/queue/status", tags=["operations"])
@router.get("/queue/status/", include_in_schema=False)
async def queue_status(service: Running) -> QueueStatus:
    """How much work waits."""
    async with service.database.read() as connection:
        ungrouped = await alert_rows.count_ungrouped(connection)
        incidents = await incident_rows.waiting(connection)
        deliveries = await outbox.pending(connection)
        letters = await dead_letters.count(connection)
    return QueueStatus(
        queue_size=ungrouped + incidents + deliveries,
        alerts_ungrouped=ungrouped,
        incidents_waiting=incidents,
        deliveries_pending=deliveries,
        dead_letters=letters,
    )


@router.get("/metrics", tags=["operations"], response_class=Response)
async def metrics(service: Running) -> Response:
    """Metrics about ourselves in Prometheus' text format."""
    await count_waiting(service)
    return Response(service.metrics.exposition(), media_type=CONTENT_TYPE)


@router.get("/api/v1/incidents", tags=["incidents"])
async def incidents(
    service: Running,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[
        int | None, Query(ge=1, le=MOST_ID, description="id of the last incident of the page before")
    ] = None,
) -> list[Incident]:
    """Incidents, newest first."""
    async with service.database.read() as connection:
        return await incident_rows.recent(connection, limit, before)


@router.get("/api/v1/incidents/{incident_id}", tags=["incidents"])
async def incident(service: Running, incident_id: Annotated[int, Path(ge=1, le=MOST_ID)]) -> IncidentDetail:
    """One incident with its episodes, timeline, evidence and analysis."""
    detail = await load_detail(service, incident_id)
    if detail is None:
        raise HTTPException(404, f"no incident {incident_id}")
    return detail


@router.get("/api/v1/incidents/{incident_id}/episodes", tags=["incidents"])
async def episodes(
    service: Running,
    incident_id: Annotated[int, Path(ge=1, le=MOST_ID)],
    limit: Annotated[int, Query(ge=1, le=MOST_EPISODES)] = MOST_EPISODES,
    after: Annotated[int, Query(ge=0, le=MOST_ID, description="id of the last episode of the page before")] = 0,
) -> list[Episode]:
    """All alerts of an incident, page by page, in the order in which we were told of them."""
    async with service.database.read() as connection:
        if await incident_rows.get(connection, incident_id) is None:
            raise HTTPException(404, f"no incident {incident_id}")
        return await alert_rows.first_of_incident(connection, incident_id, limit, after)


async def load_detail(service: Running, incident_id: int) -> IncidentDetail | None:
    """Everything about an incident, None where there is no such one."""
    async with service.database.read() as connection:
        found = await incident_rows.get(connection, incident_id)
        if found is None:
            return None
        evidence, analysis = await incident_rows.latest_analysis(connection, incident_id)
        episodes, more = await alert_rows.some_of_incident(connection, incident_id, MOST_EPISODES)
        return IncidentDetail(
            incident=found,
            episodes=tuple(episodes),
            more_episodes=more,
            timeline=tuple(await incident_rows.history(connection, incident_id)),
            deliveries=tuple(await outbox.of_incident(connection, incident_id)),
            evidence=evidence,
            analysis=analysis,
            exchanges=tuple(await spending.asked(connection, incident_id)),
            feedback=tuple(await past_rows.given(connection, incident_id)),
            actions=tuple(await action_rows.of_incident(connection, incident_id)),
        )
