"""What is posted to us: alerts from Alertmanager, and alerts that a person wants analysed now."""

import asyncio
import contextlib
import json
import re
import time
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from aiops_processor.errors import AiopsError, InputError, NotAWebhook, StorageError
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.webhook_answer import WebhookAnswer
from aiops_processor.services.receiving.webhook_body import Bad, Taken, judge, take_apart
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import outbox
from aiops_processor.web.edge.bodies import TooLarge
from aiops_processor.web.examples import ALERT, ANALYSIS, WEBHOOK, WEBHOOK_ANSWER
from aiops_processor.web.service import ANALYSES_AT_ONCE, Running, Service

KEEP_COUNT_SECONDS = 0.5
SOURCE = re.compile("[A-Za-z0-9_.-]{1,64}")
_SOURCE_PARAMETER = {
    "name": "source",
    "in": "query",
    "schema": {"type": "string", "pattern": SOURCE.pattern, "default": "default"},
    "description": "which Alertmanager this is",
}

MOST_ALERTS_BY_HAND = 100

router = APIRouter(tags=["alerts"])


def _body(example: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI for a body that we read ourselves."""
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def _answers(example: dict[str, Any], **others: str) -> dict[int | str, dict[str, Any]]:
    ok = {200: {"content": {"application/json": {"example": example}}}}
    return {**ok, **{int(code.removeprefix("_")): {"description": text} for code, text in others.items()}}


async def receive_alerts(request: Request) -> Response:
    """Take a webhook of Alertmanager. Answered 200 only after it is in the database.

    Each alert is judged on its own; one that cannot be taken is kept as a dead letter and named in `rejected`.
    """
    service: Service = request.app.state.service
    source = request.query_params.get("source", "default")
    if not SOURCE.fullmatch(source):
        problem = InputError("source", f"is not {SOURCE.pattern}: a name that you give each Alertmanager")
        return _answered(422, _problem(problem))
    try:
        try:
            async with service.bodies.read(request) as body:
                answer = await service.ingest.receive(body, source)
        except TooLarge as error:
            await service.ingest.keep_letter(source, str(error), error.head)
            return _answered(413, _problem(error))
    except NotAWebhook as error:
        return _answered(400 if error.malformed else 422, _problem(error))
    except InputError as error:
        return _answered(415, _problem(error))
    except StorageError as error:  # 503, never 429: Alertmanager tries only 5xx again
        return _answered(503, _problem(error))
    status = 200 if answer.status == "ok" else 422
    answer = answer.model_copy(update={"queue_size": await queue_size(service)})
    return _answered(status, answer.model_dump(mode="json"))


router.add_api_route(
    "/webhook/alerts",
    receive_alerts,
    methods=["POST"],
    response_model=WebhookAnswer,
    openapi_extra={**_body(WEBHOOK), "parameters": [_SOURCE_PARAMETER]},
    responses=_answers(
        WEBHOOK_ANSWER,
        _400="Not JSON",
        _413="Larger than 64 MB",
        _422="No Alertmanager webhook, or no alert of it could be taken",
        _503="Cannot be stored now; Alertmanager tries again",
    ),
)
router.add_api_route("/webhook/alerts/", receive_alerts, methods=["POST"], include_in_schema=False)


@router.post(
    "/analyze",
    response_model=AnalysisResult,
    openapi_extra=_body(ALERT),
    responses=_answers(ANALYSIS, _422="No alert; the field is named", _503="16 analyses are under way"),
)
@router.post("/analyze/", include_in_schema=False)
async def analyze(
    request: Request,
    service: Running,
    notify: Annotated[bool, Query(description="tell the channels too")] = True,
) -> Response:
    """Analyse one alert, or the alerts of a webhook body, and wait for the result. Stored as a manual incident."""
    if service.by_hand.locked():
        return JSONResponse(_problem(f"{ANALYSES_AT_ONCE} analyses are under way; try again"), 503)
    try:
        async with service.by_hand, service.bodies.read(request) as body:
            alerts = await asyncio.to_thread(_alerts, body, service.clock.now())  # it may be 64 MB
            result = await _analyze(service, alerts, notify=notify)
    except NotAWebhook as error:
        return JSONResponse(_problem(error), 400 if error.malformed else 422)
    except TooLarge as error:
        return JSONResponse(_problem(error), 413)
    except InputError as error:
        return JSONResponse(_problem(error), 422)
    except StorageError as error:
        return JSONResponse(_problem(error), 503)
    return Response(result.model_dump_json(), media_type="application/json")


async def queue_size(service: Service) -> int:
    """How much waits, as of at most half a second ago: a poster under fire does not pay for counting."""
    if time.monotonic() - service.waiting.counted_at > KEEP_COUNT_SECONDS:
        service.waiting.counted_at = time.monotonic()
        with contextlib.suppress(StorageError):  # what was posted is stored: it must not look as if it were not
            service.waiting.size = await count_waiting(service)
    return service.waiting.size


async def count_waiting(service: Service) -> int:
    """Alerts without an incident yet, incidents that wait for an analysis or are in one, and messages to be told."""
    async with service.database.read() as connection:
        size = await alert_rows.count_ungrouped(connection)
        size += await incident_rows.waiting(connection) + await outbox.pending(connection)
    service.metrics.queue_size.set(size)
    return size


async def _analyze(service: Service, alerts: list[Alert], *, notify: bool) -> AnalysisResult:
    incident = await service.incidents.open_by_hand(alerts, notify=notify)
    await service.analyse(incident.id, incident.generation)
    async with service.database.read() as connection:
        _, result = await incident_rows.latest_analysis(connection, incident.id)
    if result is None:
        raise StorageError(f"the analysis of incident {incident.id} failed; its timeline says why")
    return result


def _alerts(body: bytes, now: datetime) -> list[Alert]:
    """The good alerts of the body; raises InputError, which names what is wrong with each, where there is none."""
    raws = take_apart(_as_webhook(body)).alerts
    if len(raws) > MOST_ALERTS_BY_HAND:  # before any is looked at
        raise InputError("alerts", f"{len(raws)} of them, at most {MOST_ALERTS_BY_HAND} are analysed at once")
    verdicts = list(judge(raws, 0, now))
    good = [verdict.alert.alert() for verdict in verdicts if isinstance(verdict, Taken)]
    if not good:
        bad = [f"alerts.{verdict.index}: {verdict.reason}" for verdict in verdicts if isinstance(verdict, Bad)]
        raise InputError("", "; ".join(bad[:5]) or "alerts: is empty; nothing to analyse")
    return good


def _as_webhook(body: bytes) -> bytes:
    """A single alert as a webhook of one. Says what is wrong as for a webhook, for it may have been meant as one."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return body
    if "alerts" in fields:
        return body
    if "status" not in fields:  # a person at curl may leave it out: why else ask?
        fields["status"] = msgspec.Raw(b'"firing"')
    return msgspec.json.encode({"alerts": [fields]})


def _problem(error: AiopsError | str) -> dict[str, Any]:
    field = error.field if isinstance(error, InputError) else ""
    return {"status": "error", "error": str(error), **({"field": field} if field else {})}


def _answered(status: int, content: dict[str, Any]) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")
