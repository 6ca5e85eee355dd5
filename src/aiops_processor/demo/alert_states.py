"""Which alerts are pending or firing at a moment of a recording.

`rules.json` was taken once, in the middle of the incident. Played back as it is it would tell of the future, so the
states are told from the recorded `ALERTS` and `ALERTS_FOR_STATE` series instead; the rules' texts are as recorded.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiops_processor.demo.evaluation.vectors import BadQuery, ExecutionError, Vector
from aiops_processor.demo.labels import Labels, unnamed, value_of, without
from aiops_processor.demo.promql import PromQL
from aiops_processor.demo.recording import Recording

KINDS = {"alert": "alerting", "record": "recording"}


def active_alerts(recording: Recording, promql: PromQL, now: float) -> list[dict[str, Any]]:
    """The alerts of every rule at `now` (Unix seconds), as `/api/v1/alerts` has them."""
    groups = rules_now(recording, promql, now, "alert")["groups"]
    return [alert for group in groups for rule in group["rules"] for alert in rule["alerts"]]


def rules_now(recording: Recording, promql: PromQL, now: float, kind: str) -> dict[str, Any]:
    """The answer of `/api/v1/rules` at `now`. `kind`: `alert`, `record`, or empty for both."""
    since = _values(promql, "ALERTS_FOR_STATE", now)
    states = list(_values(promql, "ALERTS", now))
    groups = []
    for group in recording.rules.get("groups", []):
        rules = [rule for rule in group.get("rules", []) if not kind or rule.get("type") == KINDS.get(kind)]
        current = [_rule_now(rule, states, since, promql, now) for rule in rules]
        if current:
            groups.append({**group, "rules": current, "lastEvaluation": _written(now)})
    return {"groups": groups}


def _values(promql: PromQL, query: str, now: float) -> dict[Labels, float]:
    """An instant query's values by labels without the name; empty where it cannot be answered."""
    try:
        vector = promql.instant(query, now, now).value
    except (BadQuery, ExecutionError):
        return {}
    if not isinstance(vector, Vector):
        return {}
    return dict(zip(map(unnamed, vector.labels), vector.values[:, 0].tolist(), strict=True))


def _rule_now(
    rule: Mapping[str, Any], states: list[Labels], since: Mapping[Labels, float], promql: PromQL, now: float
) -> dict[str, Any]:
    if rule.get("type") != "alerting":
        return {**rule, "lastEvaluation": _written(now)}
    mine = [labels for labels in states if _is_of(rule, labels)]
    values = _values(promql, str(rule.get("query", "")), now) if mine else {}
    alerts = [_alert(rule, labels, since, values) for labels in mine]
    reached = {alert["state"] for alert in alerts}
    state = "firing" if "firing" in reached else "pending" if reached else "inactive"
    return {**rule, "state": state, "alerts": alerts, "lastEvaluation": _written(now)}


def _is_of(rule: Mapping[str, Any], labels: Labels) -> bool:
    """Has the alert the rule's name and labels? A label that the rule makes from a template may be anything."""
    own = {"alertname": str(rule.get("name", "")), **rule.get("labels", {})}
    return all(value_of(labels, name) == value for name, value in own.items() if "{{" not in value)


def _alert(
    rule: Mapping[str, Any], labels: Labels, since: Mapping[Labels, float], values: Mapping[Labels, float]
) -> dict[str, Any]:
    own = without(labels, {"alertstate"})
    value = values.get(without(own, {"alertname", *rule.get("labels", {})}))
    began = since.get(own)
    return {
        "labels": dict(own),
        "annotations": {name: _filled(text, own, value) for name, text in rule.get("annotations", {}).items()},
        "state": value_of(labels, "alertstate"),
        **({"activeAt": _written(began)} if began is not None else {}),
        "value": "" if value is None else f"{value:e}",
    }


def _filled(template: str, labels: Labels, value: float | None) -> str:
    """The annotation with its labels and its value; what else a template can do is left as written."""
    text = re.sub(r"\{\{\s*\$labels\.(\w+)\s*\}\}", lambda match: value_of(labels, match.group(1)), template)
    return text if value is None else re.sub(r"\{\{\s*\$value\s*(\|[^}]*)?\}\}", f"{value:g}", text)


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
