"""How much of one alert is kept, and that it says what is not."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from aiops_processor.models.alert import Alert, fingerprint
from aiops_processor.services.receiving.alert_size import MARK, MOST_ALERT_BYTES, bounded

LABELS = {"alertname": "A", "service": "checkout"}


def alert(**fields: Any) -> Alert:
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    return Alert.model_validate({"status": "firing", "labels": LABELS, "startsAt": at, **fields})


def size(kept: Alert) -> int:
    return len(msgspec.json.encode(kept.model_dump(mode="json", by_alias=True)))


def test_an_ordinary_alert_is_kept_as_it_is() -> None:
    usual = alert(annotations={"summary": "s"}, generatorURL="http://p/graph", notified_by="x")
    assert bounded(usual) == (usual, "")


def test_what_makes_an_alert_too_long_is_left_out_and_the_alert_says_so() -> None:
    kept, said = bounded(alert(annotations={"summary": "s"}, whatever="x" * 3_000_000))
    assert (kept.labels, kept.annotations["summary"], kept.fingerprint) == (LABELS, "s", fingerprint(LABELS))
    assert size(kept) < MOST_ALERT_BYTES
    assert said == kept.annotations[MARK] == "the alert has 2929 kB, of which 256 are kept; left out: 1 unknown fields"


def test_of_many_annotations_those_stay_that_people_read() -> None:
    many = {f"a{number}": "v" * 1000 for number in range(20_000)}
    kept, said = bounded(alert(annotations={**many, "summary": "s", "runbook_url": "http://r"}))
    assert (kept.annotations["summary"], kept.annotations["runbook_url"]) == ("s", "http://r")
    assert 100 < len(kept.annotations) < 150
    assert "annotations" in said
    assert size(kept) < MOST_ALERT_BYTES


def test_an_endless_address_or_fingerprint_goes_and_the_alert_stays() -> None:
    kept, said = bounded(alert(generatorURL="http://" + "x" * 1_000_000, fingerprint="f" * 1_000_000))
    assert (kept.generator_url, kept.fingerprint) == ("", fingerprint(LABELS))
    assert said.endswith("left out: generatorURL, fingerprint")


def test_what_cannot_be_printed_counts_as_long_as_it_is_written() -> None:
    kept, _ = bounded(alert(annotations={f"a{number}": "\x01" * 60_000 for number in range(3)}))
    assert size(kept) < MOST_ALERT_BYTES
