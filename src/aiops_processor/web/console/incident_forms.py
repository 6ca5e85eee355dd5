"""The forms of an incident's page: plain posts, which lead back to the page. What they do is what the API does."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from aiops_processor.models.incident import Incident
from aiops_processor.models.past import Feedback
from aiops_processor.services.by_hand import ByHand
from aiops_processor.web.access import FORM_FIELD
from aiops_processor.web.api import MOST_ID
from aiops_processor.web.console.pages import PageRoute
from aiops_processor.web.service import Running

MOST_BYTES = 16_384

router = APIRouter(prefix="/incidents/{incident_id}", include_in_schema=False, route_class=PageRoute)

Id = Annotated[int, Path(ge=1, le=MOST_ID)]


@router.post("/acknowledge")
async def acknowledge(request: Request, service: Running, incident_id: Id) -> RedirectResponse:
    """Somebody looks after it."""
    by = (await form_fields(request)).get("by", "")[:200]
    return _back(await ByHand(service.database, service.clock).acknowledge(incident_id, by), incident_id)


@router.post("/withdraw")
async def withdraw(service: Running, incident_id: Id) -> RedirectResponse:
    """Nobody does any more."""
    return _back(await ByHand(service.database, service.clock).withdraw(incident_id), incident_id)


@router.post("/retry")
async def retry(service: Running, incident_id: Id) -> RedirectResponse:
    """Analyse once more what failed; for anything else the page says how it is."""
    return _back(await ByHand(service.database, service.clock).analyse_again(incident_id), incident_id)


@router.post("/feedback")
async def feedback(request: Request, service: Running, incident_id: Id) -> RedirectResponse:
    """What somebody says of the analysis."""
    try:
        said = Feedback.model_validate(await form_fields(request))
    except ValidationError:
        raise HTTPException(
            422, "Say whether it was right or wrong, and the cause in at most 2,000 characters"
        ) from None
    return _back(await ByHand(service.database, service.clock).comment(incident_id, said), incident_id)


async def form_fields(request: Request) -> dict[str, str]:
    """The fields of a form, without those that are empty and the key that Access checks. Raises HTTPException."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise HTTPException(413, "That is too much text")
    try:
        found = parse_qs(body.decode("utf-8"), max_num_fields=10)
    except ValueError:
        raise HTTPException(422, "That is no form") from None
    return {name: values[0].strip() for name, values in found.items() if name != FORM_FIELD}


def _back(incident: Incident | None, incident_id: int) -> RedirectResponse:
    """To the page, by a relative address: a proxy may put us under a path of its own."""
    if incident is None:
        raise HTTPException(404, f"There is no incident {incident_id}")
    return RedirectResponse(f"../{incident_id}", 303)
