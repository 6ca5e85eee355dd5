"""A real incident, and a Prometheus or a Loki that is slow, down, half-broken or refuses: gaps, never silence."""

import asyncio
import functools
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs

import httpx2
import pytest
from starlette.types import ASGIApp

from aiops_processor.clients.http import Endpoint, Retries
from aiops_processor.clients.loki import Loki
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.demo.recording import Recording, bundled
from aiops_processor.demo.replay import Replay
from aiops_processor.errors import SourceUnavailable
from aiops_processor.evidence.asking import packs
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.gather import Gatherer
from aiops_processor.evidence.words import summary
from aiops_processor.models.alert import Alert, Webhook
from aiops_processor.models.analysis import Verdict
from aiops_processor.models.change import PostedChange
from aiops_processor.models.evidence import EvidenceReport, Outcome
from aiops_processor.models.samples import Answer

pytestmark = pytest.mark.anyio

SECONDS = 15.0
"""For everything together where something hangs: enough for the other source on a busy machine."""
PATIENCE = 120.0
"""Where nothing hangs, a busy machine must not make other gaps than the one that is looked for."""
REACTION = 10.0
BROKEN = "payments"
Fault = Callable[[httpx2.Request, int], httpx2.Response | Exception | float | None]
"""For a request and its number: what to answer or raise instead, how long (seconds) to hang, or None to let it pass."""


@dataclass(frozen=True)
class Stopped:
    time: datetime

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("gathering never waits for the clock")


class Faulty(httpx2.AsyncBaseTransport):
    """A server in this process, with something wrong on the way to it."""

    def __init__(self, app: ASGIApp, fault: Fault) -> None:
        self._server = httpx2.ASGITransport(app)
        self._fault = fault
        self._numbers = itertools.count()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        wrong = self._fault(request, next(self._numbers))
        if isinstance(wrong, Exception):
            raise wrong
        if isinstance(wrong, httpx2.Response):
            return wrong
        if wrong is not None:
            await asyncio.sleep(wrong)
        return await self._server.handle_async_request(request)


def well(request: httpx2.Request, number: int) -> None:
    return None


def down(request: httpx2.Request, number: int) -> Exception:
    return httpx2.ConnectError("connection refused")


def hangs(request: httpx2.Request, number: int) -> float:
    return 60.0


def overloaded(request: httpx2.Request, number: int) -> httpx2.Response:
    return httpx2.Response(503, text="try later")


def login_page(request: httpx2.Request, number: int) -> httpx2.Response:
    return httpx2.Response(200, text="<html>sign in</html>")


def cut_off(request: httpx2.Request, number: int) -> httpx2.Response:
    return httpx2.Response(200, text='{"status":"success","data":{"resultType":"mat')


def half_broken(request: httpx2.Request, number: int) -> httpx2.Response | None:
    """Every second path: what is refused once is refused again when it is tried again."""
    return httpx2.Response(500, text="internal") if hash_of(request) % 2 else None


def refuses_samples(request: httpx2.Request, number: int) -> httpx2.Response | None:
    body = {"status": "error", "errorType": "execution", "error": "query processing would load too many samples"}
    return httpx2.Response(422, json=body) if request.url.path.endswith("/query") else None


def without_rules_and_metadata(request: httpx2.Request, number: int) -> httpx2.Response | None:
    wanted = request.url.path.endswith(("/rules", "/metadata"))
    return httpx2.Response(403, text="forbidden") if wanted else None


def slow_samples(request: httpx2.Request, number: int) -> float | None:
    return 60.0 if "/query" in request.url.path else None


def patience(fault: Fault) -> float:
    return SECONDS if fault in (hangs, slow_samples) else PATIENCE


def hash_of(request: httpx2.Request) -> int:
    return sum(request.url.query) + sum(request.content)


@functools.cache
def incident() -> tuple[Recording, list[Alert], datetime]:
    """The bundled recording, and what was known ten seconds after its first alert."""
    recording = Recording.load(bundled())
    hooks = [(each.received_at, Webhook.model_validate(each.body)) for each in recording.webhooks]
    first = next(at for at, hook in hooks if any(alert.name != "Watchdog" for alert in hook.alerts))
    known = {a.fingerprint: a for at, hook in hooks for a in hook.alerts if at <= first + REACTION}
    alerts = [alert for alert in known.values() if alert.name != "Watchdog"]
    return recording, alerts, datetime.fromtimestamp(first + REACTION, UTC)


async def look(
    prometheus: Fault = well, loki: Fault = well, expression: bool = True, seconds: float = SECONDS
) -> tuple[EvidenceReport, Verdict]:
    """`expression` False: the alerts do not carry their rule's, so that rules are asked for."""
    recording, alerts, now = incident()
    alerts = alerts if expression else [alert.model_copy(update={"generator_url": ""}) for alert in alerts]
    clock, once = Stopped(now), Retries(tries=2, first_wait=0.01)
    replay = Replay(recording, clock)
    metrics = Prometheus(Endpoint(url="http://prometheus"), Faulty(replay.prometheus_app, prometheus), once)
    logs = Loki(Endpoint(url="http://loki"), Faulty(replay.loki_app, loki), once)
    began = asyncio.get_running_loop().time()
    try:
        report = await Gatherer(metrics, logs, packs.built_in(), Limits(seconds=seconds), clock).gather(alerts, now)
    finally:
        await metrics.aclose()
        await logs.aclose()
    assert asyncio.get_running_loop().time() - began < 5 * seconds
    return report, summary.without_model(alerts, report, now).outcome


FAULTS = (down, hangs, overloaded, login_page, cut_off, half_broken, refuses_samples, slow_samples)


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_prometheus_did_not_say_is_a_gap_and_loki_still_speaks(fault: Fault) -> None:
    report, verdict = await look(prometheus=fault, seconds=patience(fault))
    failed = [each for each in report.reads if each.outcome is Outcome.FAILED]
    assert failed
    assert {each.source for each in failed} == {"prometheus"}
    assert [gap for gap in report.gaps if gap.source == "prometheus" and gap.reason]
    assert verdict is not Verdict.NOT_AN_INCIDENT
    assert any(each.entity == BROKEN and each.kind == "log" for each in report.findings[:5])


async def test_rules_and_types_that_are_withheld_are_gaps_and_the_samples_are_used() -> None:
    report, _ = await look(prometheus=without_rules_and_metadata, seconds=PATIENCE)
    assert any("403" in gap.reason for gap in report.gaps)
    assert report.findings[0].entity == BROKEN
    assert any(each.kind == "metric" for each in report.findings)


@pytest.mark.parametrize("fault", [down, hangs, overloaded, login_page, cut_off, half_broken])
async def test_what_loki_did_not_say_is_a_gap_and_prometheus_still_speaks(fault: Fault) -> None:
    report, _ = await look(loki=fault, seconds=patience(fault))
    assert [gap for gap in report.gaps if gap.source == "loki" and gap.reason]
    assert report.findings[0].entity == BROKEN


async def test_where_nobody_answers_nothing_is_claimed() -> None:
    report, verdict = await look(prometheus=down, loki=down, seconds=PATIENCE)
    assert report.findings == ()
    assert report.healthy == ()
    assert {gap.source for gap in report.gaps} == {"prometheus", "loki"}
    assert verdict is Verdict.INCONCLUSIVE


GRAPH = "traces_service_graph_request_total"


def asked(request: httpx2.Request) -> str:
    """The path of a question, and its query."""
    fields = parse_qs(request.content.decode() if request.method == "POST" else request.url.query.decode())
    return f"{request.url.path} {' '.join(fields.get('query', []))}"


# Each kind of question to Prometheus: how to know it, and the title that a gap must name.
QUESTIONS = {
    "rules": (r"/rules ", "rules"),
    "types": (r"/metadata ", "types and units"),
    "names": (r"/label/__name__/values ", "metric names"),
    "sizes": (r"/query count by \(__name__\) \(last_over_time\(\{namespace", "how many series of the same namespace"),
    "the rule's size": (r"/query count by \((?!__name__)", "series of the rule: "),
    "label sets": (r"/series ", "which series of the same namespace"),
    "scrape interval": (r"/query up\{", "scrape interval"),
    "earlier alerts": (r"/query ALERTS\{", "earlier alerts"),
    "raw samples": (r"/query \{.*\]$", "series of the same namespace"),
    "range": (r"/query_range .*http_requests_total", "HighErrorRate: the rule's expression"),
    "second opinion": (r"/query label_replace", "the same time a day and a week before"),
    "service graph": (rf"/query count by .*{GRAPH}", "how many calls between services"),
}


def refused(_request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(422, json={"status": "error", "errorType": "execution", "error": "too many samples"})


def late(_request: httpx2.Request) -> Exception:
    return httpx2.ReadTimeout("no answer")


def partly(request: httpx2.Request) -> httpx2.Response:
    """Nothing, and the word that some of the storage did not answer."""
    lists = request.url.path.endswith(("/series", "/values"))
    kind = "matrix" if request.url.path.endswith("_range") or asked(request).endswith("]") else "vector"
    data = (
        [] if lists else {"groups": []} if request.url.path.endswith("/rules") else {"resultType": kind, "result": []}
    )
    return httpx2.Response(200, json={"status": "success", "data": data, "warnings": ["store-7 did not answer"]})


def only(question: str, failure: Callable[[httpx2.Request], httpx2.Response | Exception]) -> Fault:
    """Everything is well but this kind of question. There is a service graph where one is asked for."""

    def fault(request: httpx2.Request, number: int) -> httpx2.Response | Exception | None:
        del number
        if re.search(QUESTIONS[question][0], asked(request)):
            return failure(request)
        if question == "service graph" and request.url.path.endswith("/values"):
            return httpx2.Response(200, json={"status": "success", "data": [GRAPH, "http_requests_total", "up"]})
        return None

    return fault


@pytest.mark.parametrize("failure", [refused, late])
@pytest.mark.parametrize("question", QUESTIONS)
async def test_each_question_that_fails_is_named_in_a_gap(
    question: str, failure: Callable[[httpx2.Request], httpx2.Response | Exception]
) -> None:
    report, _ = await look(only(question, failure), expression=question != "rules", seconds=PATIENCE)
    title = QUESTIONS[question][1]
    assert [gap for gap in report.gaps if gap.source == "prometheus" and gap.reason.startswith(title)], report.gaps
    assert any(each.kind == "log" for each in report.findings)


@pytest.mark.parametrize("question", [each for each in QUESTIONS if each != "types"])
async def test_each_answer_that_is_partial_is_a_gap_with_the_servers_words(question: str) -> None:
    report, _ = await look(only(question, partly), expression=question != "rules", seconds=PATIENCE)
    said = [gap for gap in report.gaps if "store-7 did not answer" in gap.reason]
    assert [gap for gap in said if gap.reason.startswith(QUESTIONS[question][1])], report.gaps


async def test_changes_that_cannot_be_read_are_named_in_a_gap() -> None:
    class Lost:
        async def between(self, start: datetime, end: datetime) -> Answer[list[PostedChange]]:
            raise SourceUnavailable("the posted changes could not be read: disk full")

    recording, alerts, now = incident()
    replay = Replay(recording, Stopped(now))
    metrics = Prometheus(Endpoint(url="http://prometheus"), Faulty(replay.prometheus_app, well))
    gatherer = Gatherer(
        metrics, None, packs.built_in(), Limits(seconds=PATIENCE), Stopped(now), changes={"changes": Lost()}
    )
    report = await gatherer.gather(alerts, now)
    await metrics.aclose()
    assert [gap.reason for gap in report.gaps if gap.source == "changes"] == [
        "what was changed: the posted changes could not be read: disk full"
    ]
