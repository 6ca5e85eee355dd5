"""Letting actions happen: by programs, and by the forms of an incident's page. Who asks is known to Access."""

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import RedirectResponse

from aiops_processor.models.action import ActionRecord
from aiops_processor.services.acting.actions import Decided, Refused
from aiops_processor.web.api import MOST_ID
from aiops_processor.web.console.incident_forms import form_fields
from aiops_processor.web.console.pages import PageRoute
from aiops_processor.web.service import Running

STATUS = {"unknown": 404, "not allowed": 403, "too late": 409}

Id = Annotated[int, Path(ge=1, le=MOST_ID)]
Name = Annotated[str, Path(max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Verb = Literal["approve", "decline", "ask"]

router = APIRouter(prefix="/api/v1/incidents/{incident_id}/actions/{name}", tags=["actions"])
forms = APIRouter(prefix="/incidents/{incident_id}/actions/{name}", include_in_schema=False, route_class=PageRoute)


@router.post("/approve")
async def approve(request: Request, service: Running, incident_id: Id, name: Name) -> ActionRecord:
    """Let an action happen that waits; 403 for whoever is not one of its approvers, 409 where it does not wait."""
    return _decided(await service.actions.approve(incident_id, name, _who(request)))


@router.post("/decline")
async def decline(request: Request, service: Running, incident_id: Id, name: Name) -> ActionRecord:
    """It shall not happen; 403 and 409 as above."""
    return _decided(await service.actions.decline(incident_id, name, _who(request)))


@router.post("/ask")
async def ask(request: Request, service: Running, incident_id: Id, name: Name) -> ActionRecord:
    """Have an action done that happens only when it is asked for; 403 and 409 as above."""
    return _decided(await service.actions.ask(incident_id, name, _who(request)))


@forms.post("/{verb}")
async def form(request: Request, service: Running, incident_id: Id, name: Name, verb: Verb) -> RedirectResponse:
    """The same from the page, which is led back to. What is approved is what stood there (`seen`)."""
    seen = (await form_fields(request)).get("seen", "")
    if verb == "approve":
        decided = await service.actions.approve(incident_id, name, _who(request), seen)
    elif verb == "decline":
        decided = await service.actions.decline(incident_id, name, _who(request))
    else:
        decided = await service.actions.ask(incident_id, name, _who(request))
    _decided(decided)
    return RedirectResponse(f"../../../{incident_id}", 303)


def _who(request: Request) -> str:
    """The name under which Access knows whoever asks."""
    return request.state.caller.name


def _decided(decided: Decided) -> ActionRecord:
    if isinstance(decided, Refused):
        raise HTTPException(STATUS[decided.why], decided.reason)
    return decided
