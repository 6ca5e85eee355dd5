"""What people do by hand: acknowledge an incident, have failed work done once more, end the wait for a Watchdog."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query

from aiops_processor.models.incident import Incident, IncidentState
from aiops_processor.models.notification import Delivery, DeliveryState
from aiops_processor.models.past import Feedback
from aiops_processor.models.watchdog import Watchdog
from aiops_processor.services.by_hand import ByHand
from aiops_processor.storage import outbox
from aiops_processor.storage import watchdogs as watchdog_rows
from aiops_processor.web.api import MOST_ID
from aiops_processor.web.service import Running, Service

router = APIRouter(prefix="/api/v1")

Id = Annotated[int, Path(ge=1, le=MOST_ID)]


@router.post("/incidents/{incident_id}/acknowledge", tags=["incidents"])
async def acknowledge(
    service: Running,
    incident_id: Id,
    by: Annotated[str, Query(max_length=200, description="who looks after it")] = "",
) -> Incident:
    """Say that somebody looks after it. It holds until the incident fires again after its end."""
    return _known(await _by_hand(service).acknowledge(incident_id, by), incident_id)


@router.delete("/incidents/{incident_id}/acknowledge", tags=["incidents"])
async def withdraw(service: Running, incident_id: Id) -> Incident:
    """Nobody looks after it any more."""
    return _known(await _by_hand(service).withdraw(incident_id), incident_id)


@router.post("/incidents/{incident_id}/retry", tags=["incidents"])
async def retry_analysis(service: Running, incident_id: Id) -> Incident:
    """Have an analysis made once more that failed or lacks its model; 409 for any other."""
    incident = _known(await _by_hand(service).analyse_again(incident_id), incident_id)
    if incident.state != IncidentState.OPEN:
        raise HTTPException(
            409, f"incident {incident_id} is {incident.state}; only one that failed or lacks its model is again"
        )
    return incident


@router.post("/incidents/{incident_id}/feedback", tags=["incidents"])
async def feedback(service: Running, incident_id: Id, said: Feedback) -> Incident:
    """Say that the analysis was right or wrong, and the true cause: offered when an incident like this comes again."""
    return _known(await _by_hand(service).comment(incident_id, said), incident_id)


@router.get("/deliveries", tags=["deliveries"])
async def deliveries(
    service: Running,
    state: DeliveryState | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int | None, Query(ge=1, le=MOST_ID)] = None,
) -> list[Delivery]:
    """What was told to the channels or is to be, newest first."""
    async with service.database.read() as connection:
        return await outbox.recent(connection, limit, before, state)


@router.post("/deliveries/{delivery_id}/retry", tags=["deliveries"])
async def retry_delivery(service: Running, delivery_id: Id) -> Delivery:
    """Try a message once more that failed, or of which nobody knows whether it arrived; 409 for any other."""
    tried = await _by_hand(service).tell_again(delivery_id)
    async with service.database.read() as connection:
        delivery = await outbox.get(connection, delivery_id)
    if delivery is None:
        raise HTTPException(404, f"no delivery {delivery_id}")
    if not tried:
        raise HTTPException(
            409, f"delivery {delivery_id} is {delivery.state}; only a failed or unknown one is told again"
        )
    return delivery


@router.get("/watchdogs", tags=["operations"])
async def watchdogs(service: Running) -> list[Watchdog]:
    """The Watchdogs that are expected, and when each was last heard of."""
    async with service.database.read() as connection:
        return await watchdog_rows.listed(connection)


@router.delete("/watchdogs/{watchdog_id}", tags=["operations"])
async def forget_watchdog(service: Running, watchdog_id: Id) -> dict[str, str]:
    """Expect it no more: it is gone for good. Should it come again, it is expected again."""
    async with service.database.write() as connection:
        if not await watchdog_rows.forget(connection, watchdog_id):
            raise HTTPException(404, f"no Watchdog {watchdog_id}")
    return {"status": "forgotten"}


def _by_hand(service: Service) -> ByHand:
    return ByHand(service.database, service.clock)


def _known(incident: Incident | None, incident_id: int) -> Incident:
    if incident is None:
        raise HTTPException(404, f"no incident {incident_id}")
    return incident
