"""Alerts that a filter kept from making an incident: the list, for people and programs, and their analysis by hand."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.background import BackgroundTask

from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.incident import FilteredAlert, Incident
from aiops_processor.storage import filtered as rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.web.api import MOST_ID
from aiops_processor.web.console.pages import PAGE_SIZE, PageRoute, render, typed_id
from aiops_processor.web.service import ANALYSES_AT_ONCE, Running, Service

router = APIRouter(prefix="/api/v1/filtered", tags=["filtered"])
pages = APIRouter(
    prefix="/filtered", include_in_schema=False, route_class=PageRoute, default_response_class=HTMLResponse
)

Id = Annotated[int, Path(ge=1, le=MOST_ID)]


@router.get("")
async def filtered(
    service: Running,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int | None, Query(ge=1, le=MOST_ID, description="id of the last one of the page before")] = None,
) -> list[FilteredAlert]:
    """Alerts that made no incident because of a filter, newest first, each with the reason."""
    async with service.database.read() as connection:
        return await rows.recent(connection, limit, before)


@router.post("/{alert_id}/analyze")
async def analyze(
    service: Running,
    alert_id: Id,
    notify: Annotated[bool, Query(description="tell the channels too")] = False,
) -> AnalysisResult:
    """Analyse one of them all the same, and wait for the result. Stored as a manual incident."""
    found = await _known(service, alert_id)
    async with service.by_hand:
        incident = await _opened(service, found, notify=notify)
        await service.analyse(incident.id, incident.generation)
    async with service.database.read() as connection:
        _, result = await incident_rows.latest_analysis(connection, incident.id)
    if result is None:
        raise HTTPException(503, f"the analysis of incident {incident.id} failed; its timeline says why")
    return result


@pages.get("")
@pages.get("/")
async def page(request: Request, service: Running, before: Annotated[str, Query()] = "") -> Response:
    """The list, newest first."""
    async with service.database.read() as connection:
        found = await rows.recent(connection, PAGE_SIZE + 1, typed_id(before))
    return render(
        request,
        "filtered.html",
        found=found[:PAGE_SIZE],
        more=len(found) > PAGE_SIZE,
        paged=bool(before),
        now=service.clock.now(),
    )


@pages.post("/{alert_id}/analyze")
async def analyze_from_page(service: Running, alert_id: Id) -> Response:
    """Begin the analysis; its page, where it will appear, is shown at once."""
    incident = await _opened(service, await _known(service, alert_id), notify=False)

    async def finish() -> None:
        async with service.by_hand:
            await service.analyse(incident.id, incident.generation)

    # Where the process ends before, the sweep finds what is claimed and was not started.
    return RedirectResponse(f"../../incidents/{incident.id}", 303, background=BackgroundTask(finish))


async def _known(service: Service, alert_id: int) -> FilteredAlert:
    if service.by_hand.locked():
        raise HTTPException(503, f"{ANALYSES_AT_ONCE} analyses are under way; try again")
    async with service.database.read() as connection:
        found = await rows.get(connection, alert_id)
    if found is None:
        raise HTTPException(404, f"no filtered alert {alert_id}")
    return found


async def _opened(service: Service, found: FilteredAlert, *, notify: bool) -> Incident:
    reason = f"asked for by hand; a filter had kept it out: {found.reason}"
    return await service.incidents.open_by_hand([found.alert], notify=notify, reason=reason)
