"""What was changed: posted by pipelines, GitHub and Argo CD, and listed."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from aiops_processor.errors import AiopsError, BodyTooLarge, InputError, NotAWebhook, StorageError
from aiops_processor.models.base import Frozen
from aiops_processor.models.change import PostedChange
from aiops_processor.web import signatures
from aiops_processor.web.examples import CHANGE
from aiops_processor.web.service import Running

MOST_BYTES = 1024 * 1024

router = APIRouter(tags=["changes"])


class ChangesAnswer(Frozen):
    """`stored` changes were told, and are in the database; `ignored` is why there are none."""

    status: str = "ok"
    stored: int
    ignored: str = ""


@router.post(
    "/webhook/changes",
    response_model=ChangesAnswer,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}, "example": CHANGE}},
        }
    },
    responses={
        400: {"description": "Not JSON"},
        401: {"description": "The signature is wrong, or missing from a post of GitHub's"},
        413: {"description": "Larger than 1 MB"},
        422: {"description": "No change; the field is named"},
        503: {"description": "Cannot be stored now"},
    },
)
@router.post("/webhook/changes/", include_in_schema=False)
async def receive_changes(request: Request, service: Running) -> Response:
    """Take a change: our own form or a list of it, a GitHub webhook, an Argo CD notification.

    Answered 200 only after it is in the database; a list is taken as a whole or not at all. With `CHANGES_SECRET` a
    post may prove itself by its signature, and GitHub's must.
    """
    try:
        async with service.bodies.read(request, MOST_BYTES) as body:
            if reason := signatures.refusal(_secret(request), request.headers, body):
                return JSONResponse({"status": "error", "error": reason}, 401)
            told = await service.changes.receive(body, dict(request.headers))
    except NotAWebhook as error:
        return _problem(error, 400)
    except BodyTooLarge as error:
        return _problem(error, 413)
    except InputError as error:
        return _problem(error, 422)
    except StorageError as error:
        return _problem(error, 503)
    answer = ChangesAnswer(stored=len(told.changes), ignored=told.ignored)
    return JSONResponse(answer.model_dump())


@router.get("/api/v1/changes")
async def changes(service: Running, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> list[PostedChange]:
    """Changes that were posted, newest first by when they happened."""
    return await service.changes.recent(limit)


def _secret(request: Request) -> str:
    return request.app.state.policy.credentials.changes_secret


def _problem(error: AiopsError, status: int) -> Response:
    field = {"field": error.field} if isinstance(error, InputError) and error.field else {}
    return JSONResponse({"status": "error", "error": str(error), **field}, status)
