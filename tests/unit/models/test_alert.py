"""The payload of Alertmanager 0.25 to 0.33, as real ones sent it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from aiops_processor.models.alert import Alert, Webhook, fingerprint

LATE = "9999-12-31T23:59:59-12:00"  # in UTC that is the year 10000
LABELS = {"alertname": "Test"}


def bodies(shared: Path) -> list[dict[str, Any]]:
    recorded = [line for file in shared.glob("recordings/*/webhooks.jsonl") for line in file.read_text().splitlines()]
    return [json.loads(line)["body"] for line in recorded]


def alert(**fields: object) -> Alert:
    return Alert.model_validate({"status": "firing", "labels": LABELS, "startsAt": "2026-01-31T12:00:00Z", **fields})


def test_every_recorded_webhook_is_read_without_a_key_lost(shared: Path) -> None:
    for body in bodies(shared):
        webhook = Webhook.model_validate(body)
        assert set(body) <= set(webhook.model_dump(by_alias=True))
        assert webhook.model_extra == {}
        assert all(one.model_extra == {} for one in webhook.alerts)


def test_our_fingerprint_is_alertmanagers(shared: Path) -> None:
    alerts = [one for body in bodies(shared) for one in body["alerts"]]
    assert len(alerts) > 50
    assert all(fingerprint(one["labels"]) == one["fingerprint"] for one in alerts)


def test_an_alert_is_written_as_it_was_read() -> None:
    sent = {
        "status": "firing",
        "labels": LABELS,
        "annotations": {"summary": "s"},
        "startsAt": "2026-01-31T12:00:00.451000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://p/graph",
        "fingerprint": "abc",
        "silenceURL": "kept",
    }
    assert Alert.model_validate(sent).model_dump(mode="json", by_alias=True) == sent


def test_the_guides_own_example_is_taken() -> None:
    one = Alert(
        status="firing",
        labels={"alertname": "TestAlert"},
        annotations={"summary": "Test"},
        startsAt="2025-10-16T10:00:00Z",
        endsAt="",
        generatorURL="http://test",
        fingerprint="test123",
    )
    assert one.name == "TestAlert"
    assert one.ends_at is None
    assert one.starts_at == datetime(2025, 10, 16, 10, tzinfo=UTC)


def test_nanoseconds_and_offsets_are_read() -> None:
    assert alert(startsAt="2026-01-31T17:30:00.123456789+05:30").starts_at == datetime(
        2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "bad", ["", "yesterday", "1700000000", 1700000000, None, "0001-01-01T00:00:00Z", "2026-01-31", LATE]
)
def test_a_bad_start_names_the_field(bad: object) -> None:
    with pytest.raises(ValidationError) as caught:
        alert(startsAt=bad)
    assert caught.value.errors()[0]["loc"] == ("startsAt",)


@pytest.mark.parametrize("bad", [None, {}, {"x": 1}, {"x": None}, {"x": {"a": 1}}, []])
def test_bad_labels_name_the_field(bad: object) -> None:
    with pytest.raises(ValidationError) as caught:
        alert(labels=bad)
    assert caught.value.errors()[0]["loc"][0] == "labels"
