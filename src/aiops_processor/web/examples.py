"""The examples in the OpenAPI description; a test posts them."""

from typing import Any

ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "HighErrorRate", "service": "checkout", "namespace": "shop", "severity": "critical"},
    "annotations": {"summary": "checkout error rate is 44 %"},
    "startsAt": "2026-01-31T12:00:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus:9090/graph?g0.expr=job%3Aerrors%3Aratio+%3E+0.05&g0.tab=1",
    "fingerprint": "e3642ad5706562bc",
}

WEBHOOK: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="HighErrorRate", namespace="shop"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "aiops",
    "groupLabels": {"alertname": "HighErrorRate", "namespace": "shop"},
    "commonLabels": {"alertname": "HighErrorRate", "namespace": "shop", "severity": "critical"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager:9093",
    "alerts": [ALERT],
}

WEBHOOK_ANSWER: dict[str, Any] = {"status": "ok", "processed": 1, "queue_size": 1, "rejected": [], "warnings": []}

ANALYSIS: dict[str, Any] = {
    "schema_version": "1",
    "alert_name": "HighErrorRate",
    "severity": "critical",
    "summary": "HighErrorRate on checkout: the strongest change is in payments.",
    "root_cause": "Hypothesis: payments began to log 'certificate has expired' at 11:58.",
    "outcome": "found",
    "confidence": 0.7,
    "evidence": [{"id": "L1", "statement": "payments: new error line, 0 → 212 in 90 s", "verified": True}],
    "analyzed_at": "2026-01-31T12:00:11Z",
}

CHANGE: dict[str, Any] = {
    "title": "Roll out the new discounts",
    "kind": "deployment",
    "service": "checkout",
    "namespace": "shop",
    "labels": {"cluster": "europe"},
    "version": "1.4.3",
    "author": "ann",
    "at": "2026-01-31T11:58:00Z",
    "url": "https://ci.example/builds/77",
}
