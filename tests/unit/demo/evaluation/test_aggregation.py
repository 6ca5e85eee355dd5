import math
from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor.demo.evaluation.vectors import ExecutionError

Ask = Callable[..., dict[str, Any]]

SERIES = {
    'm{job="a",pod="1"}': [1] * 7,
    'm{job="a",pod="2"}': [3] * 7,
    'm{job="b",pod="3"}': [8] * 7,
}


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("sum(m)", {"": 12}),
        ("sum by (job) (m)", {"a": 4, "b": 8}),
        ("sum without (pod) (m)", {"a": 4, "b": 8}),
        ("sum by (nosuch) (m)", {"": 12}),
        ("avg by (job) (m)", {"a": 2, "b": 8}),
        ("min(m)", {"": 1}),
        ("max(m)", {"": 8}),
        ("count by (job) (m)", {"a": 2, "b": 1}),
        ("group by (job) (m)", {"a": 1, "b": 1}),
        ("stdvar by (job) (m)", {"a": 1, "b": 0}),
        ("stddev by (job) (m)", {"a": 1, "b": 0}),
        ("quantile(0.5, m)", {"": 3}),
        ("quantile(0.25, m)", {"": 2}),
        ("quantile by (job) (2, m)", {"a": math.inf, "b": math.inf}),
        ("topk(2, m)", {"m,b,3": 8, "m,a,2": 3}),
        ("topk by (job) (1, m)", {"m,a,2": 3, "m,b,3": 8}),
        ("bottomk(1, m)", {"m,a,1": 1}),
        ("topk(0.9, m)", {}),
        ("sum(nosuch)", {}),
        ('count_values("v", m % 2)', {"1": 2, "0": 1}),
    ],
)
def test_an_aggregation_folds_the_series_of_each_group(ask: Ask, query: str, result: dict[str, float]) -> None:
    assert ask(query, SERIES) == result


def test_topk_is_in_order_of_value_and_has_nan_last(ask: Ask) -> None:
    series = {'m{p="1"}': [math.nan] * 7, 'm{p="2"}': [1] * 7, 'm{p="3"}': [2] * 7}
    assert list(ask("topk(3, m)", series)) == ["m,3", "m,2", "m,1"]
    assert list(ask("bottomk(2, m)", series)) == ["m,2", "m,3"]


def test_topk_chooses_anew_at_each_step(ask_range: Ask) -> None:
    series = {'m{p="1"}': [1, 5, 1, 5, 1, 5, 1], 'm{p="2"}': [3] * 7}
    assert ask_range("topk(1, m)", series) == {
        "m,1": [None, 5, None, 5, None, 5, None],
        "m,2": [3, None, 3, None, 3, None, 3],
    }


def test_absent_series_are_not_zero(ask_range: Ask) -> None:
    series = {'m{p="1"}': [4] * 7, 'm{p="2"}': [2, 2, None, None, None, None, None]}
    assert ask_range("avg(m)", series, lookback=5)[""] == [3, 3, 4, 4, 4, 4, 4]
    assert ask_range("min(m)", series, lookback=5)[""] == [2, 2, 4, 4, 4, 4, 4]
    assert ask_range("quantile(0, m)", series, lookback=5)[""] == [2, 2, 4, 4, 4, 4, 4]


def test_a_number_of_series_that_is_no_number_is_refused(ask: Ask) -> None:
    with pytest.raises(ExecutionError, match="Scalar value NaN overflows int64"):
        ask("topk(NaN, m)", SERIES)
