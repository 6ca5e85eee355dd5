"""The tools against servers that replay a recorded incident, over HTTP."""

import json
from datetime import UTC, datetime

import pytest

from aiops_processor import parts
from aiops_processor.clock import SteppedClock
from aiops_processor.demo.recording import Recording, bundled
from aiops_processor.demo.replay import Replay
from aiops_processor.models.alert import Webhook
from aiops_processor.models.evidence import Outcome
from aiops_processor.plugins import Call
from aiops_processor.settings import Settings, SourceSettings

pytestmark = pytest.mark.anyio


async def test_a_query_and_a_search_find_what_the_recording_holds() -> None:
    recording = Recording.load(bundled())
    now = datetime.fromtimestamp(recording.end, UTC)
    clock = SteppedClock(now)
    alerts = [
        alert
        for webhook in recording.webhooks
        for alert in Webhook.model_validate(webhook.body).alerts
        if alert.name != "Watchdog"
    ]
    async with Replay(recording, clock).servers() as urls:
        settings = Settings(prometheus=SourceSettings(url=urls.prometheus), loki=SourceSettings(url=urls.loki))
        sources = parts.Sources.of(settings)
        evidence = await parts.gatherer(settings, sources, clock).gather(alerts, now)
        inquiry = parts.toolbox(settings, sources).open(alerts, evidence)
        errors = 'sum by (service) (rate(http_requests_total{code=~"5.."}[30s]))'
        wishes = [
            ("query_prometheus", {"query": errors}),
            ("query_loki", {"query": '{app="payments"} |= "certificate"'}),
            ("list_metrics", {"selector": '{service="payments"}'}),
            ("query_prometheus", {"query": "no_such_metric"}),
        ]
        await inquiry.look([Call(tool=name, arguments=json.dumps(given)) for name, given in wishes])
        await sources.aclose()
    asked = [item for item in inquiry.evidence.findings if item.asked]
    rates = {item.entity: item for item in asked if item.kind == "metric"}
    assert "payments" in rates
    assert rates["payments"].change or rates["payments"].points
    (lines,) = (item for item in asked if item.kind == "log")
    assert lines.logs
    assert lines.logs.after > lines.logs.before
    assert "certificate" in lines.lines[0].line
    assert "http_requests_total" in inquiry.notes[0]
    outcomes = [read.outcome for read in inquiry.evidence.reads if read.title == "asked by the model"]
    assert outcomes == [Outcome.DATA, Outcome.DATA, Outcome.DATA, Outcome.EMPTY]
