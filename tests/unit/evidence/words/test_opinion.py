from datetime import datetime, timedelta

import pytest

from aiops_processor.evidence.words import opinion
from aiops_processor.models.evidence import Change, Evidence, EvidenceReport, Window
from aiops_processor.models.samples import Series
from aiops_processor.query import promql


@pytest.fixture
def window(noon: datetime) -> Window:
    return Window(start=noon - timedelta(minutes=20), onset=noon - timedelta(minutes=5), end=noon)


def finding(number: int, query: str = "sum(rate(errors_total[1m]))") -> Evidence:
    change = Change(before=1, after=9, score=20, unit="/s")
    return Evidence(
        id=f"M{number}",
        kind="metric",
        entity="cart",
        title="errors",
        statement="errors rose from 1/s to 9/s",
        query=query,
        score=1,
        change=change,
    )


def test_all_is_asked_in_one_question_at_the_same_time_before(window: Window) -> None:
    query = opinion.question(EvidenceReport(window=window, findings=(finding(1), finding(2))))

    assert [each.metric for each in promql.selectors(query)] == ["errors_total"] * 4
    assert query.count("[300s:30s] offset 86400s") == query.count("[300s:30s] offset 604800s") == 2


def test_only_so_many_are_asked_about_and_none_with_several_values(window: Window) -> None:
    found = (finding(0, "sum by (a) (x)"), *(finding(number) for number in range(1, 9)))
    query = opinion.question(EvidenceReport(window=window, findings=found))

    assert [f"M{number} day" in query for number in range(6)] == [False, True, True, True, True, False]
    assert opinion.question(EvidenceReport(window=window)) == ""


@pytest.mark.parametrize(
    ("day", "week", "words"),
    [
        (1.0, 1.1, "(at the same time 1/s a day before, 1.1/s a week before)"),
        (9.1, 8.9, "(at the same time 9.1/s a day before, 8.9/s a week before; usual for this hour)"),
        (9.0, None, "(at the same time 9/s a day before)"),
    ],
)
def test_what_was_then_is_told(window: Window, day: float, week: float | None, words: str) -> None:
    report = EvidenceReport(window=window, findings=(finding(1),))
    answer = [Series({"aiops_finding": "M1 day"}, [(0.0, day)])]
    answer += [Series({"aiops_finding": "M1 week"}, [(0.0, week)])] if week is not None else []

    (told,) = opinion.given(report, opinion.read(answer)).findings

    assert told.statement == f"errors rose from 1/s to 9/s {words}"
    assert told.change is not None
    assert (told.change.day_before, told.change.week_before) == (day, week)


def test_where_nothing_is_known_of_then_nothing_is_said(window: Window) -> None:
    report = EvidenceReport(window=window, findings=(finding(1),))

    assert opinion.given(report, opinion.read([])) == report
    assert opinion.read([Series({}, [(0.0, 1.0)])]) == {}
