from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor.demo.alert_states import active_alerts, rules_now
from aiops_processor.demo.promql import PromQL
from aiops_processor.demo.recording import Recording

RULE = {
    "name": "High",
    "type": "alerting",
    "state": "firing",
    "query": "m > 1",
    "labels": {"severity": "page"},
    "annotations": {"summary": "{{ $labels.pod }} has {{ $value | humanize }}, {{ $externalLabels.a }}"},
    "alerts": [{"labels": {"alertname": "High"}, "state": "firing"}],
}
RECORD = {"name": "job:m", "type": "recording", "query": "sum(m)"}
PENDING = 'ALERTS{alertname="High",alertstate="pending",severity="page",pod="a"}'
FIRING = 'ALERTS{alertname="High",alertstate="firing",severity="page",pod="a"}'


@pytest.fixture
def recorded(recording: Callable[..., Recording]) -> Recording:
    """Quiet for 20 s, pending for 20, then firing."""
    return recording(
        {
            'm{pod="a"}': [0, 0, 2, 2, 4, 4, 4],
            PENDING: [None, None, 1, 1, None, None, None],
            FIRING: [None, None, None, None, 1, 1, 1],
            'ALERTS_FOR_STATE{alertname="High",severity="page",pod="a"}': [None, None, 20, 20, 20, 20, 20],
            'ALERTS{alertname="Other",alertstate="firing",severity="page",pod="a"}': [1] * 7,
        },
        rules={"groups": [{"name": "g", "interval": 10, "rules": [RULE, RECORD]}]},
    )


def high(recorded: Recording, now: float) -> dict[str, Any]:
    rules = rules_now(recorded, PromQL(recorded, lookback=5), now, "")
    return rules["groups"][0]["rules"][0]


@pytest.mark.parametrize(("now", "state"), [(10, "inactive"), (30, "pending"), (60, "firing")])
def test_the_state_is_that_of_the_moment_not_of_the_recorded_answer(
    recorded: Recording, now: float, state: str
) -> None:
    assert high(recorded, now)["state"] == state


def test_an_alert_has_its_labels_value_and_annotations(recorded: Recording) -> None:
    assert high(recorded, 60)["alerts"] == [
        {
            "labels": {"alertname": "High", "pod": "a", "severity": "page"},
            "annotations": {"summary": "a has 4, {{ $externalLabels.a }}"},
            "state": "firing",
            "activeAt": "1970-01-01T00:00:20Z",
            "value": "4.000000e+00",
        }
    ]
    assert high(recorded, 10)["alerts"] == []


def test_rules_can_be_asked_for_by_kind(recorded: Recording) -> None:
    promql = PromQL(recorded)
    for kind, names in {"alert": ["High"], "record": ["job:m"], "": ["High", "job:m"]}.items():
        groups = rules_now(recorded, promql, 60, kind)["groups"]
        assert [rule["name"] for group in groups for rule in group["rules"]] == names


def test_active_alerts_are_those_of_all_rules(recorded: Recording) -> None:
    alerts = active_alerts(recorded, PromQL(recorded, lookback=5), 60)
    assert [alert["labels"]["alertname"] for alert in alerts] == ["High"]
