"""What is pressed in Slack: signed posts, done before they are answered, and answered within Slack's three seconds."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.background import BackgroundTask

from aiops_processor.access import slack
from aiops_processor.errors import BodyTooLarge, InputError, StorageError
from aiops_processor.services.telling.presses import read
from aiops_processor.web.console.forms import fields
from aiops_processor.web.service import Running

MOST_BYTES = 1024 * 1024
SECONDS = 2.5

router = APIRouter(tags=["slack"])


@router.post(
    "/webhook/slack",
    responses={
        401: {"description": "Not signed by Slack with SLACK_SIGNING_SECRET, or older than five minutes"},
        413: {"description": "Larger than 1 MB"},
        422: {"description": "No interaction"},
        503: {"description": "Cannot be done now"},
    },
)
@router.post("/webhook/slack/", include_in_schema=False)
async def pressed(request: Request, service: Running) -> Response:
    """Take a button that was pressed in Slack. Answered 200 only after it is in the database."""
    try:
        async with service.bodies.read(request, MOST_BYTES) as body:
            if reason := slack.refusal(_secret(request), request.headers, body, service.clock.now()):
                return _problem(reason, 401)
            press = read(fields(body).get("payload", ""))
        async with asyncio.timeout(SECONDS):
            words = await service.presses.press(press) if press else ""
    except (InputError, StorageError) as error:
        status = 413 if isinstance(error, BodyTooLarge) else 422 if isinstance(error, InputError) else 503
        return _problem(str(error), status)
    except TimeoutError:
        return _problem("the store did not answer in time; press it again", 503)
    where = press.answer_to if press else ""
    return Response(background=BackgroundTask(service.presses.answers.say, where, words))


def _secret(request: Request) -> str:
    return request.app.state.policy.credentials.slack_secret


def _problem(reason: str, status: int) -> Response:
    return JSONResponse({"status": "error", "error": reason}, status)
