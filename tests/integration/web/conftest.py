"""The console over a real database: incidents in four states, and one whose every text is hostile."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
from fastapi import FastAPI

from aiops_processor.errors import StorageBusy
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult, Hypothesis, Statement, Step, Verdict
from aiops_processor.models.evidence import (
    Change,
    Evidence,
    EvidenceReport,
    Gap,
    LogCount,
    LogLine,
    Outcome,
    Read,
    Window,
)
from aiops_processor.models.incident import Incident, IncidentState, TimelineEntry, title_of
from aiops_processor.models.notification import DeliveryState, Occasion
from aiops_processor.services.acting.actions import Actions
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import outbox
from aiops_processor.storage.database import Connection, Database, sqlite_url
from aiops_processor.storage.migrate import migrate
from aiops_processor.web import api
from aiops_processor.web.console import pages

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
NOW = NOON + timedelta(minutes=9, seconds=30)
ONSET = NOON.timestamp() - 60
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>\u202egnp.exe\x1b[31m"
SCRIPT_LINK = "javascript:alert(document.domain)"


class StoppedClock:
    def now(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("pages do not sleep")


class BrokenDatabase:
    def read(self) -> AbstractAsyncContextManager[Connection]:
        raise StorageBusy("the database did not answer: disk I/O error")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(sqlite_url(tmp_path))
    migrate(opened.url)
    yield opened
    await opened.close()


@pytest.fixture
def app(database: Database) -> FastAPI:
    made = FastAPI(version="1.2.3", redirect_slashes=False)
    made.include_router(api.router)
    made.include_router(pages.router)
    actions = Actions(database, StoppedClock())
    made.state.service = SimpleNamespace(database=database, clock=StoppedClock(), actions=actions)
    return made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://aiops") as opened:
        yield opened


class Page(HTMLParser):
    """What a browser makes of it: the elements with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"

    def links(self) -> list[str]:
        return [attributes["href"] or "" for tag, attributes in self.elements if tag == "a"]

    def ids(self) -> set[str | None]:
        return {attributes["id"] for _, attributes in self.elements if "id" in attributes}


Reading = Callable[[str], Awaitable[Page]]


@pytest.fixture
def read(client: httpx2.AsyncClient) -> Reading:
    async def get(path: str) -> Page:
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        return Page(answer.text)

    return get


@pytest.fixture
async def four_incidents(database: Database) -> None:
    """Analysed (id 1), open (2), resolved (3), failed (4)."""
    async with database.write() as connection:
        await rich(connection)
        await opened(connection)
        await resolved(connection)
        await failed(connection)


@dataclass(frozen=True)
class Hostile:
    """The id of an incident in which every text is `text` and every address `link`."""

    id: int
    text: str = HOSTILE
    link: str = SCRIPT_LINK


@pytest.fixture
async def hostile_incident(database: Database) -> Hostile:
    async with database.write() as connection:
        return Hostile((await hostile(connection)).id)


@pytest.fixture
async def fifty_one_incidents(database: Database) -> None:
    """Two pages of the list, and one more."""
    async with database.write() as connection:
        for _ in range(51):
            await add(connection, [alert("A", "s")], IncidentState.OPEN)


@pytest.fixture
async def storm(database: Database) -> int:
    """One incident of this many alerts."""
    async with database.write() as connection:
        await add(connection, [alert(f"A{number}", "s") for number in range(501)], IncidentState.OPEN)
    return 501


@pytest.fixture
def broken_database(app: FastAPI) -> None:
    """The service, with a disk that does not answer any more."""
    app.state.service = SimpleNamespace(database=BrokenDatabase(), clock=StoppedClock())


async def rich(connection: Connection) -> None:
    alerts = [alert("HighErrorRate", "checkout"), alert("HighLatency", "checkout", severity="warning")]
    incident = await add(connection, alerts, IncidentState.ANALYSED, generation=1)
    await analysed(connection, incident, evidence_report(), analysis())
    await outbox.put(connection, incident.id, ["log", "slack", "webhook"], Occasion.ANALYSED, 1, NOW)
    log, slack, _ = await outbox.of_incident(connection, incident.id)
    await outbox.finish(connection, log.id, DeliveryState.SENT)
    await outbox.finish(connection, slack.id, DeliveryState.FAILED, error="hooks.slack.example: 404 no_service")


async def opened(connection: Connection) -> None:
    due = {"due_at": NOW + timedelta(seconds=10), "opened_at": NOW - timedelta(seconds=5)}
    await add(connection, [alert("DiskAlmostFull", "node-7", severity="warning")], IncidentState.OPEN, **due)


async def resolved(connection: Connection) -> None:
    over = {"resolved_at": NOON + timedelta(minutes=6), "generation": 1}
    ended = alert("PodCrashLooping", "payments", status="resolved", endsAt="2026-01-31T12:06:00Z")
    incident = await add(connection, [ended], IncidentState.RESOLVED, **over)
    quiet = EvidenceReport(window=evidence_report().window, healthy=("payments: 31 measures as usual",))
    nothing = AnalysisResult(
        alert_name="PodCrashLooping",
        severity="critical",
        summary=f"{incident.title}: nothing unusual in everything that was looked at.",
        root_cause="Unknown: no change stands out from what is usual.",
        outcome=Verdict.NOT_AN_INCIDENT,
        confidence=0.5,
        analyzed_at=NOON + timedelta(minutes=2),
    )
    await analysed(connection, incident, quiet, nothing)


async def failed(connection: Connection) -> None:
    incident = await add(connection, [alert("KubeApiDown", "", severity="page")], IncidentState.FAILED, generation=1)
    await outbox.put(connection, incident.id, ["slack"], Occasion.OPENED, 0, NOW)
    for text in ("the analysis was begun 5 times and never ended", "slack: opened could not be told (gone)"):
        await incident_rows.note(connection, incident.id, TimelineEntry(at=NOW, kind="failed", text=text))


def alert(name: str, service: str, *, severity: str = "critical", status: str = "firing", **fields: str) -> Alert:
    labels = {"alertname": name, "severity": severity, "service": service, "namespace": "shop", "cluster": "eu-1"}
    return Alert.model_validate(
        {
            "status": status,
            "labels": {label: value for label, value in labels.items() if value},
            "annotations": {
                "summary": f"{name}: more than 5 % of the requests fail",
                "runbook_url": "https://runbooks.example/errors",
            },
            "startsAt": "2026-01-31T12:01:00Z",
            "generatorURL": "https://prometheus.example/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
            **fields,
        }
    )


async def add(connection: Connection, alerts: Sequence[Alert], state: IncidentState, **fields: object) -> Incident:
    values = {
        "id": 0,
        "title": title_of(alerts),
        "severity": alerts[0].severity,
        "state": state,
        "source": "default",
        "group_key": alerts[0].name,
        "reason": "same Alertmanager group {}:{namespace=shop}",
        "opened_at": NOON + timedelta(minutes=1, seconds=5),
        "updated_at": NOW,
    }
    incident = await incident_rows.create(connection, Incident.model_validate({**values, **fields}), notify=True)
    await alert_rows.insert_episodes(connection, [episode_row(incident.id, each) for each in alerts])
    entry = TimelineEntry(at=incident.opened_at, kind="opened", text=f"{incident.title} ({incident.reason})")
    await incident_rows.note(connection, incident.id, entry)
    return incident


def episode_row(incident_id: int, each: Alert) -> dict[str, object]:
    return {
        "source": f"default-{incident_id}",
        "fingerprint": each.fingerprint,
        "receiver": "aiops",
        "group_key": "",
        "starts_at": each.starts_at,
        "ended_at": each.ends_at,
        "first_seen": NOW,
        "last_seen": NOW,
        "fired": True,
        "grouped": True,
        "incident_id": incident_id,
        "previous_id": None,
        "alert": each.model_dump(mode="json", by_alias=True),
    }


async def analysed(
    connection: Connection, incident: Incident, evidence: EvidenceReport, result: AnalysisResult
) -> None:
    await incident_rows.begin_attempt(connection, incident.id, 1)
    await incident_rows.save_evidence(connection, incident.id, 1, evidence)
    await incident_rows.save_result(connection, incident.id, 1, result, NOW)
    entry = TimelineEntry(at=result.analyzed_at, kind="analysed", text="analysis 1 finished")
    await incident_rows.note(connection, incident.id, entry)


def evidence_report(**changes: object) -> EvidenceReport:
    report = EvidenceReport(
        window=Window(
            start=NOON - timedelta(minutes=16), onset=NOON - timedelta(minutes=1), end=NOON + timedelta(minutes=5)
        ),
        findings=(failing_share(), expired_certificate(), deploy(), slow_requests()),
        healthy=("catalog: 9 measures as usual", "db: 12 measures as usual"),
        gaps=(Gap(source="loki", reason="127.0.0.1:3100 did not answer within 10 s", query='{app="db"}'),),
        reads=(
            Read(source="prometheus", title="HighErrorRate", query="up == 0", outcome=Outcome.DATA, seconds=0.021),
            Read(source="loki", title="errors of db", query='{app="db"}', outcome=Outcome.FAILED, error="no answer"),
            Read(source="prometheus", title="restarts", query="kube_pod_restarts", outcome=Outcome.ABSENT),
        ),
    )
    return report.model_copy(update=changes)


def failing_share() -> Evidence:
    title = "share of http_requests_total of checkout that failed"
    return Evidence(
        id="M1",
        kind="metric",
        entity="checkout",
        title=title,
        statement=f"{title} rose from 0.1 to 44.2 % at 11:59:00 UTC",
        query='100 * sum(rate(http_requests_total{service="checkout",code=~"5.."}[1m]))',
        score=1.0,
        link="https://prometheus.example/graph?g0.expr=rate&g0.tab=0",
        change=Change(before=0.1, after=44.2, score=31.0, unit="%", onset=ONSET),
        points=tuple(
            (ONSET + 15.0 * n, 0.1 if n < 0 else 40 + n % 5) for n in range(-60, 24) if n not in range(-30, -20)
        ),
    )


def expired_certificate() -> Evidence:
    line = "ERROR charge failed: certificate has expired\n\tat payments.Client.charge(Client.java:88)"
    return Evidence(
        id="L1",
        kind="log",
        entity="payments",
        title="new error line of payments",
        statement=f"new error line of payments: 0 in 900 s before, 212 in 360 s after: {line}",
        query='{app="payments"} |= "error"',
        score=0.8,
        link="https://grafana.example/explore?panes=a",
        explore="https://grafana.example/explore?panes=b",
        logs=LogCount(before=0, after=212, before_seconds=900, after_seconds=360, level="error", template="charge"),
        lines=(LogLine(at=NOON - timedelta(seconds=52), labels={"app": "payments"}, line=line, level="error"),),
    )


def deploy() -> Evidence:
    statement = "checkout runs 1.4.3 instead of 1.4.2 since 11:58:41 UTC"
    title = "version of checkout"
    return Evidence(
        id="C1", kind="change", entity="checkout", title=title, statement=statement, query="build_info", score=0.6
    )


def slow_requests() -> Evidence:
    statement = "mean request duration of gateway rose from 0.024 to 1.9 s at 11:59:00 UTC"
    return Evidence(
        id="M2",
        kind="metric",
        entity="gateway",
        title="mean request duration of gateway",
        statement=statement,
        query="rate(request_seconds_sum[1m]) / rate(request_seconds_count[1m])",
        score=0.3,
        change=Change(before=0.024, after=1.9, score=12.0, unit="s", onset=ONSET),
        points=tuple((ONSET + 15.0 * n, 0.024 + max(0, n) * 0.08) for n in range(-60, 24)),
    )


def analysis(**changes: object) -> AnalysisResult:
    result = AnalysisResult(
        alert_name="HighErrorRate",
        severity="critical",
        summary="Checkout fails 44 % of its requests since 11:59 because payments cannot charge cards [M1, L1].",
        root_cause="The TLS certificate of the card processor has expired: every charge is refused [L1].",
        outcome=Verdict.FOUND,
        confidence=0.82,
        hypotheses=(Hypothesis(cause="The deploy of checkout 1.4.3 broke it", supports=("C1",), contradicts=("L1",)),),
        evidence=(
            Statement(id="M1", statement="44.2 % of the requests to checkout fail, 0.1 % before", verified=True),
            Statement(id="L1", statement="payments logged 212 expired certificates", verified=True),
            Statement(id="", statement="The card processor changed its certificate authority", verified=False),
        ),
        remediation_steps=(
            Step(priority=2, action="Roll back checkout", command="kubectl rollout undo deploy/checkout", risk="high"),
            Step(
                priority=1,
                action="See which certificate is served",
                command="openssl s_client -connect cards.example:443",
                description="It should end after today.",
            ),
        ),
        severity_assessment="Customers cannot pay.",
        affected=("checkout", "payments", "gateway"),
        gaps=(Gap(source="model", reason="the answer was cut; one more call repaired it"),),
        model="deepseek-v4-pro",
        analyzed_at=NOON + timedelta(minutes=1, seconds=30),
    )
    return result.model_copy(update=changes)


async def hostile(connection: Connection) -> Incident:
    """Everything that strangers can write, as they would write it."""
    labels = {"alertname": HOSTILE, "severity": HOSTILE, "service": HOSTILE, '"><b>': HOSTILE}
    each = Alert.model_validate(
        {
            "status": "firing",
            "labels": labels,
            "annotations": {"summary": HOSTILE, "runbook_url": SCRIPT_LINK, "dashboard": f"https://{HOSTILE}"},
            "startsAt": "9999-12-31T23:59:59Z",
            "generatorURL": SCRIPT_LINK,
        }
    )
    incident = await add(connection, [each], IncidentState.ANALYSED, reason=HOSTILE, generation=1)
    finding = expired_certificate().model_copy(
        update={
            "id": HOSTILE,
            "entity": HOSTILE,
            "title": HOSTILE,
            "statement": f"{HOSTILE} again",
            "query": HOSTILE,
            "link": SCRIPT_LINK,
            "explore": SCRIPT_LINK,
            "lines": (LogLine(at=NOON, labels={}, line=HOSTILE, level=HOSTILE),),
        }
    )
    chart = failing_share().model_copy(update={"title": HOSTILE, "statement": HOSTILE, "labels": {HOSTILE: HOSTILE}})
    read = Read(
        source=HOSTILE, title=HOSTILE, query=HOSTILE, outcome=Outcome.FAILED, warnings=(HOSTILE,), error=HOSTILE
    )
    gap = Gap(source=HOSTILE, reason=HOSTILE)
    evidence = evidence_report(findings=(finding, chart), healthy=(HOSTILE,), gaps=(gap,), reads=(read,))
    result = analysis(
        summary=HOSTILE,
        root_cause=f"[{HOSTILE}] [M1]",
        hypotheses=(Hypothesis(cause=HOSTILE, supports=(HOSTILE,), contradicts=(HOSTILE,)),),
        evidence=(Statement(id=HOSTILE, statement=HOSTILE, verified=False),),
        remediation_steps=(Step(priority=1, action=HOSTILE, command=HOSTILE, description=f"{HOSTILE}."),),
        severity_assessment=HOSTILE,
        affected=(HOSTILE,),
        model=HOSTILE,
    )
    await analysed(connection, incident, evidence, result)
    await outbox.put(connection, incident.id, [HOSTILE], Occasion.ANALYSED, 1, NOW)
    (delivery,) = await outbox.of_incident(connection, incident.id)
    await outbox.finish(connection, delivery.id, DeliveryState.FAILED, error=HOSTILE)
    await incident_rows.note(connection, incident.id, TimelineEntry(at=NOW, kind="failed", text=HOSTILE))
    return incident
