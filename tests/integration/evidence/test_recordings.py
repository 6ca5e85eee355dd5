"""Every development recording through the whole gathering, over the HTTP APIs that the demo replays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.loki import Loki
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.demo.recording import Recording
from aiops_processor.demo.replay import Replay
from aiops_processor.evidence.asking import packs
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.gather import Gatherer
from aiops_processor.evidence.words import summary
from aiops_processor.models.alert import Alert, Webhook
from aiops_processor.models.analysis import Verdict
from aiops_processor.models.evidence import EvidenceReport, Outcome

pytestmark = [pytest.mark.anyio, pytest.mark.shared]

FAULTS = (
    "baddeploy-checkout",
    "crash-checkout",
    "down-payments",
    "errors-catalog",
    "errors-payments",
    "latency-db",
    "leak-catalog",
    "pool-db",
)
QUIET = ("quiet-1", "quiet-2")
REACTION = 10.0
"""Seconds between the first webhook and the look at the evidence: the time in which incidents settle."""


@dataclass(frozen=True)
class StoppedClock:
    """A recording stopped at one moment: nothing later can be seen."""

    time: datetime

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("gathering never waits for the clock")


async def gather(recording: Recording, alerts: Sequence[Alert], now: datetime) -> EvidenceReport:
    clock = StoppedClock(now)
    replay = Replay(recording, clock)
    prometheus = Prometheus(Endpoint(url="http://prometheus"), httpx2.ASGITransport(app=replay.prometheus_app))
    loki = Loki(Endpoint(url="http://loki"), httpx2.ASGITransport(app=replay.loki_app))
    try:
        return await Gatherer(prometheus, loki, packs.built_in(), Limits(), clock).gather(alerts, now)
    finally:
        await prometheus.aclose()
        await loki.aclose()


def known_by(recording: Recording, now: float) -> list[Alert]:
    """The alerts that Alertmanager had told by then, without the one that always fires."""
    posted = [Webhook.model_validate(each.body) for each in recording.webhooks if each.received_at <= now]
    alerts = {alert.fingerprint: alert for webhook in posted for alert in webhook.alerts}
    return [alert for alert in alerts.values() if alert.name != "Watchdog"]


def first_alert_at(recording: Recording) -> float:
    return next(each.received_at for each in recording.webhooks if known_by(recording, each.received_at))


@pytest.mark.parametrize("name", FAULTS)
async def test_the_broken_service_leads_the_evidence(shared: Path, name: str) -> None:
    recording = Recording.load(shared / "recordings" / name)
    now = first_alert_at(recording) + REACTION
    alerts = known_by(recording, now)

    report = await gather(recording, alerts, datetime.fromtimestamp(now, UTC))

    assert recording.truth is not None
    entities = list(dict.fromkeys(each.entity for each in report.findings))
    assert recording.truth["entity"] in entities[:1]
    assert abs(report.window.onset.timestamp() - recording.truth["injected_at"]) < 5
    assert report.gaps == ()
    assert all(each.outcome is not Outcome.FAILED for each in report.reads)
    result = summary.without_model(alerts, report, datetime.fromtimestamp(now, UTC))
    assert result.outcome is Verdict.FOUND
    assert recording.truth["entity"] in result.affected[:1]


@pytest.mark.parametrize("name", QUIET)
@pytest.mark.parametrize("service", ["gateway", "db"])
async def test_a_quiet_system_shows_nothing_unusual(shared: Path, name: str, service: str) -> None:
    recording = Recording.load(shared / "recordings" / name)
    now = datetime.fromtimestamp((recording.start + recording.end) / 2, UTC)
    labels = {"namespace": "shop", "service": service}
    alert = Alert(status="firing", labels=labels, starts_at=now - timedelta(seconds=20))

    report = await gather(recording, [alert], now)

    assert report.findings == ()
    assert len(report.healthy) >= 5
    assert summary.without_model([alert], report, now).outcome is Verdict.NOT_AN_INCIDENT
