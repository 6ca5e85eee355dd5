import math
from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor.demo.evaluation.vectors import ExecutionError

Ask = Callable[..., dict[str, Any]]

M = {'m{a="x:1"}': [-2.5] * 7}


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("abs(m)", {"x:1": 2.5}),
        ("ceil(m)", {"x:1": -2}),
        ("floor(m)", {"x:1": -3}),
        ("round(m)", {"x:1": -2}),
        ("round(m, 0.4)", {"x:1": pytest.approx(-2.4)}),
        ("sgn(m)", {"x:1": -1}),
        ("exp(m * 0)", {"x:1": 1}),
        ("sqrt(m * m)", {"x:1": 2.5}),
        ("clamp(m, -2, 2)", {"x:1": -2}),
        ("clamp(m, 2, -2)", {}),
        ("clamp_min(m, 1)", {"x:1": 1}),
        ("clamp_max(m, -4)", {"x:1": -4}),
        ("vector(3)", {"": 3}),
        ("scalar(m)", {"": -2.5}),
        ("time()", {"": 60}),
        ("timestamp(m)", {"x:1": 60}),
        ("timestamp(m offset 15s)", {"x:1": 40}),
        ("timestamp(m * 1)", {"x:1": 60}),
        ("absent(m)", {}),
        ('absent(n{a="b",c!="d",e=~"f"})', {"b": 1}),
        ('absent(n{a="b",a="c"})', {"": 1}),
        ("absent(sum(n))", {"": 1}),
        ('absent_over_time(n{a="b"}[1m])', {"b": 1}),
        ("absent_over_time(m[1m])", {}),
        ('label_replace(m, "port", "p$1", "a", ".*:(.*)")', {"m,x:1,p1": -2.5}),
        ('label_replace(m, "port", "p", "a", "y.*")', {"m,x:1": -2.5}),
        ('label_replace(m, "a", "", "a", ".*")', {"m": -2.5}),
        ('label_join(m, "b", "-", "a", "nosuch")', {"m,x:1,x:1-": -2.5}),
        ("hour(vector(1700000000))", {"": 22}),
        ("minute(vector(1700000000))", {"": 13}),
        ("day_of_week(vector(1700000000))", {"": 2}),  # Tuesday 14 November 2023
        ("day_of_month(vector(1700000000))", {"": 14}),
        ("day_of_year(vector(1700000000))", {"": 318}),
        ("days_in_month(vector(1700000000))", {"": 30}),
        ("month(vector(1700000000))", {"": 11}),
        ("year(vector(1700000000))", {"": 2023}),
        ("year()", {"": 1970}),
    ],
)
def test_functions_of_instant_vectors(ask: Ask, query: str, result: dict[str, float]) -> None:
    assert ask(query, M) == result


def test_scalar_of_none_or_of_several_is_nan(ask: Ask) -> None:
    assert math.isnan(ask("scalar(nosuch)", M)[""])
    assert math.isnan(ask("scalar(m)", {'m{a="1"}': [1] * 7, 'm{a="2"}': [1] * 7})[""])


def test_sort_is_by_value_with_nan_last(ask: Ask) -> None:
    series = {'m{a="1"}': [2] * 7, 'm{a="2"}': [math.nan] * 7, 'm{a="3"}': [1] * 7}
    assert list(ask("sort(m)", series)) == ["m,3", "m,1", "m,2"]
    assert list(ask("sort_desc(m)", series)) == ["m,1", "m,3", "m,2"]


def test_absence_is_told_step_by_step(ask_range: Ask) -> None:
    series = {"m": [1, None, None, 1, 1, 1, 1]}
    assert ask_range("absent(m)", series, lookback=5)[""] == [None, 1, 1, None, None, None, None]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ('label_replace(m, "a-b", "x", "a", ".*")', "invalid destination label name in label_replace\\(\\): a-b"),
        ('label_replace(m, "b", "x", "a", "(")', "invalid regular expression in label_replace\\(\\): \\("),
        ('label_join(m, "b", "-", "a-b")', "invalid source label name in label_join\\(\\): a-b"),
    ],
)
def test_a_label_function_refuses_what_is_no_label_or_pattern(ask: Ask, query: str, reason: str) -> None:
    with pytest.raises(ExecutionError, match=reason):
        ask(query, M)


def test_labels_that_become_the_same_are_refused(ask: Ask) -> None:
    with pytest.raises(ExecutionError, match="same labelset"):
        ask('label_replace(m, "a", "", "a", ".*")', {'m{a="1"}': [1] * 7, 'm{a="2"}': [1] * 7})
