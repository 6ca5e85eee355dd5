"""Events of Kubernetes in a Loki that evaluates what it is asked."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.loki import Loki
from aiops_processor.demo.loki_api import loki_app
from aiops_processor.demo.recording import LogEntry
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.gather import Gatherer
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import EvidenceReport

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Stopped:
    def now(self) -> datetime:
        return NOON

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("gathering never waits for the clock")


def entry(seconds_ago: float, line: str, **labels: str) -> LogEntry:
    return LogEntry(int((NOON.timestamp() - seconds_ago) * 1e9), labels, line)


def event(seconds_ago: float, name: str, namespace: str = "shop", **fields: Any) -> LogEntry:
    about = {"kind": "Deployment", "namespace": namespace, "name": name}
    line = json.dumps({"reason": "ScalingReplicaSet", "type": "Normal", **fields, "involvedObject": about})
    return entry(seconds_ago, line, namespace="monitoring", app="event-exporter")


async def gathered(*entries: LogEntry) -> EvidenceReport:
    loki = Loki(Endpoint(url="http://loki"), httpx2.ASGITransport(app=loki_app(entries, Stopped())))
    labels = {"alertname": "HighErrorRate", "namespace": "shop", "service": "cart"}
    alert = Alert(status="firing", labels=labels, starts_at=NOON - timedelta(seconds=30))
    try:
        return await Gatherer(None, loki, [], Limits(seconds=5), Stopped()).gather([alert])
    finally:
        await loki.aclose()


async def test_a_scaled_deployment_of_the_alerts_namespace_is_a_change() -> None:
    report = await gathered(
        entry(500, "started", namespace="shop", app="cart"),
        event(60, "cart", message="Scaled down replica set cart-7d9f8b6c5d to 0"),
        event(60, "mail", namespace="office", message="Scaled down replica set mail-1 to 0"),
    )

    (change,) = [each for each in report.findings if each.kind == "change"]
    assert (change.entity, change.source) == ("cart", "kubernetes")
    assert "Scaled down replica set" in change.statement
    assert "event-exporter" in change.query


async def test_without_a_stream_of_events_none_is_asked_for() -> None:
    report = await gathered(entry(500, "started", namespace="shop", app="cart"))

    assert not [each for each in report.reads if each.title == "events of Kubernetes"]
