"""Each alert is judged on its own; what is wrong is named."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiops_processor.errors import NotAWebhook
from aiops_processor.services.receiving.webhook_body import Bad, Taken, as_letter, delivery_key, judge, take_apart

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def alert(**fields: Any) -> dict[str, Any]:
    return {"status": "firing", "labels": {"alertname": "A"}, "startsAt": "2026-01-31T11:59:00Z", **fields}


def body(*alerts: Any, **envelope: Any) -> bytes:
    return json.dumps({"receiver": "r", "groupKey": "g", **envelope, "alerts": list(alerts)}).encode()


def verdicts(content: bytes) -> list[Taken | Bad]:
    return list(judge(take_apart(content).alerts, 0, NOW))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"alerts": NaN}', b'{"a":' * 50_000])
def test_what_is_not_json_is_called_so(content: bytes) -> None:
    with pytest.raises(NotAWebhook) as caught:
        take_apart(content)
    assert caught.value.malformed


@pytest.mark.parametrize(
    "content", [b"[]", b"[" * 200_000, b"null", b'"x"', b"{}", b'{"alerts": null}', b'{"alerts": {}}']
)
def test_json_that_is_no_webhook_names_what_is_missing(content: bytes) -> None:
    with pytest.raises(NotAWebhook) as caught:
        take_apart(content)
    assert not caught.value.malformed
    assert caught.value.field in {"alerts", "body"}
    assert "expected" in caught.value.reason


def test_an_endless_name_of_the_envelope_is_cut_and_stays_different_from_others() -> None:
    first, same, other = (take_apart(body(alert(), groupKey="g" * 5000 + end)) for end in ("1", "1", "2"))
    assert len(first.envelope.group_key) < 1200
    assert first.envelope == same.envelope != other.envelope
    assert first.cut == ("groupKey",)
    assert take_apart(body(alert(), externalURL="u" * 5000)).cut == ("externalURL",)
    assert take_apart(body(alert(), groupKey="g" * 4096)).cut == ()


def test_one_bad_alert_costs_no_good_one() -> None:
    good, bad, other = verdicts(body(alert(), alert(startsAt=None), alert()))
    assert isinstance(good, Taken)
    assert isinstance(other, Taken)
    assert isinstance(bad, Bad)
    assert bad.index == 1
    assert bad.reason.startswith("startsAt: ")


@pytest.mark.parametrize(
    ("field", "value"),
    [("status", "burning"), ("labels", None), ("labels", {}), ("labels", {"port": 9100}), ("startsAt", "soon")],
)
def test_the_reason_names_the_field(field: str, value: Any) -> None:
    (bad,) = verdicts(body(alert(**{field: value})))
    assert isinstance(bad, Bad)
    assert bad.reason.startswith(field)


@pytest.mark.parametrize("odd", [b"\\ud800", b"\xff\xfe"])
def test_what_is_no_unicode_is_replaced_and_costs_no_alert(odd: bytes) -> None:
    content = body(alert(), alert(labels={"alertname": "HERE"}), groupKey="HERE").replace(b"HERE", b"a" + odd)
    good, mended = verdicts(content)
    assert isinstance(good, Taken)
    assert isinstance(mended, Taken)
    name = mended.alert.alert().labels["alertname"]
    assert name.startswith("a")
    assert name.isprintable()
    assert mended.alert.alert().name == name


@pytest.mark.parametrize("starts_at", ["9999-12-31T23:59:59Z", "1900-01-01T00:00:00Z"])
def test_an_absurd_time_is_taken_with_a_warning_that_names_it(starts_at: str) -> None:
    (taken,) = verdicts(body(alert(startsAt=starts_at)))
    assert isinstance(taken, Taken)
    assert taken.warning.startswith("startsAt: ")


def test_an_ordinary_alert_gets_no_warning() -> None:
    (taken,) = verdicts(body(alert(startsAt=(NOW - timedelta(days=7)).isoformat())))
    assert isinstance(taken, Taken)
    assert taken.warning == ""


def test_a_long_annotation_is_cut_and_marked() -> None:
    (taken,) = verdicts(body(alert(annotations={"summary": "ü" * 1_000_000, "short": "s"})))
    assert isinstance(taken, Taken)
    annotations = taken.alert.alert().annotations
    summary = annotations["summary"]
    assert len(summary.encode()) < 66_000
    assert summary.endswith("[cut: longer than 64 kB]")
    assert annotations["short"] == "s"


def test_too_many_labels_are_refused() -> None:
    (bad,) = verdicts(body(alert(labels={f"label{i}": "value" for i in range(10_000)})))
    assert isinstance(bad, Bad)
    assert "labels" in bad.reason


def test_the_same_words_have_the_same_key_in_any_order() -> None:
    def key(*alerts: dict[str, Any]) -> str:
        parts = take_apart(body(*alerts))
        said = [v.alert for v in judge(parts.alerts, 0, NOW) if isinstance(v, Taken)]
        return delivery_key(source, parts.envelope, said)

    source, one, other = "default", alert(), alert(labels={"alertname": "B"})
    assert key(one, other) == key(other, one)
    assert key(one) != key(one, other)
    assert key(one) != key(alert(status="resolved", endsAt="2026-01-31T12:00:00Z"))


def test_a_dead_letter_can_be_posted_again_as_it_is() -> None:
    parts = take_apart(body(alert(startsAt=None), receiver="team", externalURL="http://am"))
    again = take_apart(as_letter(parts.envelope, bytes(parts.alerts[0])))
    assert again.envelope == parts.envelope
    assert json.loads(bytes(again.alerts[0])) == alert(startsAt=None)


TIMES = [
    "2026-01-31T12:00:00Z",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:01Z",
    "2026-01-31T12:00:00.123456789Z",
    "2026-01-31T12:00:60Z",
    "2026-01-31T12:00:00.9999999Z",
    "2026-01-31t12:00:00z",
    "2026-01-31T12:00:00+02:00",
    "2026-02-30T12:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31T12:00Z",
    "2026-01-31T12:00:00-00:00",
    "9999-12-31T23:59:59.9999999Z",
    "2026-01-31T12:00:00.Z",
    "20260131T120000Z",
    "soon",
]
times = st.sampled_from([*TIMES, "", "2026-01-31 12:00:00Z", "2026-01-31T12:00:00Z\n"])
texts = st.text(max_size=5) | st.sampled_from(["", "\0", "é", "0123456789abcdef"])
label_sets = st.dictionaries(texts, texts, min_size=1, max_size=2) | st.just({}) | st.just({"port": 9100})
usual = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["firing", "resolved"]) | st.just("burning"),
        "labels": label_sets,
        "annotations": label_sets,
        "startsAt": times,
        "endsAt": times,
        "generatorURL": texts,
        "fingerprint": texts,
    }
)


@settings(max_examples=max(500, settings().max_examples))
@given(usual)
def test_what_alertmanager_sends_is_judged_as_everything_else_is(fields: dict[str, Any]) -> None:
    (quick,) = verdicts(body(fields))
    (careful,) = verdicts(body({**fields, "unknown": 1}))
    assert type(quick) is type(careful)
    if isinstance(quick, Taken) and isinstance(careful, Taken):
        assert msgspec.structs.replace(quick.alert, text="") == msgspec.structs.replace(careful.alert, text="")
        assert {**quick.alert.alert().model_dump(), "unknown": 1} == careful.alert.alert().model_dump()
