"""Every alert that was delivered follows from the recorded samples: its rule holds when it starts to fire."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from aiops_processor.demo.alert_states import rules_now
from aiops_processor.demo.evaluation.vectors import Vector
from aiops_processor.demo.promql import PromQL
from aiops_processor.demo.recording import Recording

RECORDINGS = (
    *("baddeploy-checkout", "crash-checkout", "down-payments", "errors-catalog", "errors-payments"),
    *("latency-db", "leak-catalog", "pool-db", "quiet-1", "quiet-2"),
)


@pytest.fixture(params=RECORDINGS)
def recording(request: pytest.FixtureRequest, shared: Path) -> Recording:
    return Recording.load(shared / "recordings" / request.param)


def test_each_delivered_alert_follows_from_the_samples(recording: Recording) -> None:
    promql = PromQL(recording)
    expressions = {rule["name"]: rule["query"] for group in recording.rules["groups"] for rule in group["rules"]}
    alerts = delivered(recording)
    assert alerts
    for alert in alerts:
        began = datetime.fromisoformat(alert["startsAt"]).timestamp()
        result = promql.instant(expressions[alert["labels"]["alertname"]], began, began).value
        assert isinstance(result, Vector)
        wanted = set(alert["labels"].items())
        assert any(set(labels) - {("__name__", "up")} <= wanted for labels in result.labels), alert["labels"]


def test_the_rules_say_of_each_alert_that_it_fires_when_it_is_delivered(recording: Recording) -> None:
    promql = PromQL(recording)
    for webhook in recording.webhooks:
        rules = rules_now(recording, promql, webhook.received_at, "alert")
        firing = [
            alert["labels"] | {"severity": rule["labels"].get("severity")}
            for group in rules["groups"]
            for rule in group["rules"]
            for alert in rule["alerts"]
            if alert["state"] == "firing"
        ]
        for alert in webhook.body["alerts"]:
            if alert["status"] == "firing":
                assert any(set(labels.items()) <= set(alert["labels"].items()) for labels in firing), alert["labels"]


def delivered(recording: Recording) -> list[dict[str, Any]]:
    return [alert for webhook in recording.webhooks for alert in webhook.body["alerts"]]
