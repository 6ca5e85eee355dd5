"""What a finding says, whatever foreign text stands in it."""

from datetime import UTC, datetime, timedelta

import pytest

from aiops_processor.llm.verification.known import Part, known, times_in
from aiops_processor.models.evidence import Change, Evidence, LogCount, LogLine, Window

ONSET = datetime(2026, 1, 31, 12, 15, tzinfo=UTC)
WINDOW = Window(start=ONSET - timedelta(minutes=15), onset=ONSET, end=ONSET + timedelta(minutes=10))


def metric(entity: str) -> Evidence:
    return Evidence(
        id="M1",
        kind="metric",
        entity=entity,
        title=f"node_load1 of {entity}",
        statement=f"node_load1 of {entity} rose from 1 to 9 at 12:15:00 UTC",
        query="x",
        score=1,
        change=Change(before=1, after=9, score=30, onset=ONSET.timestamp()),
    )


def written(line: str) -> Evidence:
    return Evidence(
        id="L1",
        kind="log",
        entity="cart",
        title="new error line of cart",
        statement=f"new error line of cart: 0 in 900 s before, 12 in 600 s after: {line}",
        query="{}",
        score=1,
        logs=LogCount(before=0, after=12, before_seconds=900, after_seconds=600),
        lines=(LogLine(at=ONSET, labels={}, line=line),),
    )


@pytest.mark.parametrize("address", ["web-1:9100", "web-1:80", "10.0.0.12:8080", "10.0.0.12:80", "db:5432", "[::1]:80"])
def test_a_port_is_no_time(address: str) -> None:
    assert not list(times_in(f"dial tcp {address}: refused", WINDOW))
    assert set(known(metric(address), WINDOW).times) == {
        WINDOW.start.timestamp(),
        ONSET.timestamp(),
        WINDOW.end.timestamp(),
    }


@pytest.mark.parametrize(
    "line", ["at 24:00 x", "exit 80:90", "error at 2026-02-30 12:00:00", "mac 00:99:12", "the rule fires at > each",
             "stop; the rule fires at > e", "0001-01-01 00:00", "9999-12-31 23:59:59"]
)  # fmt: skip
def test_no_line_can_break_the_check(line: str) -> None:
    found = known(written(line), WINDOW)
    assert found.limit is None
    assert all(fact.quantity.written == fact.quantity.written for fact in found.facts)  # no NaN


def test_a_limit_is_what_we_say_of_a_rule_and_not_what_a_line_says() -> None:
    assert known(written("x; the rule fires at > 7"), WINDOW).limit is None
    rule = metric("db").model_copy(update={"statement": "queue of db rose from 1 to 9; the rule fires at >= 1e+06"})
    assert known(rule, WINDOW).limit == (">=", 1e6)


def test_a_large_value_of_a_rule_is_read_whole() -> None:
    said = "QueueTooLong of db is 1.235e+05, with no values before; the rule fires at > 50000"
    rule = Evidence(id="A1", kind="rule", entity="db", title="QueueTooLong of db", statement=said, query="q", score=1)
    found = known(rule, WINDOW)
    assert found.after == 123_500
    (factor,) = (fact.quantity.written for fact in found.facts if fact.part is Part.FACTOR)
    assert factor == pytest.approx(2.47)


@pytest.mark.parametrize(
    "text", ["12:15:00", "12:15:00Z", "12:15 PM", "12:15pm", "2026-01-31T17:15:00+05:00", "17:15:00+05:00",
             "2026-01-31T07:15:00-0500", "at 12:15:00 UTC"]
)  # fmt: skip
def test_a_time_is_read_in_its_own_zone(text: str) -> None:
    assert [at for at, _ in times_in(text, WINDOW)] == [ONSET.timestamp()]


@pytest.mark.parametrize("text", ["12:15:00+05:00", "2026-01-31T12:15:00+05:00", "12:15 AM"])
def test_the_same_figures_in_another_zone_are_another_time(text: str) -> None:
    (found,) = (at for at, _ in times_in(text, WINDOW))
    assert abs(found - ONSET.timestamp()) >= 5 * 3600
