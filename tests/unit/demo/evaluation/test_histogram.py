import math
from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[..., dict[str, Any]]


def buckets(**counts: float) -> dict[str, list[float]]:
    return {f'b_bucket{{le="{le.removeprefix("le").replace("_", ".")}"}}': [count] * 7 for le, count in counts.items()}


WHOLE = {**buckets(le0_1=10, le0_5=30, le1=40), 'b_bucket{le="+Inf"}': [40] * 7}


@pytest.mark.parametrize(
    ("quantile", "value"),
    [
        (0.125, 0.05),  # rank 5 of 10 in 0…0.1
        (0.5, 0.3),  # rank 20: half of the 20 in 0.1…0.5
        (1, 1),
        (0, 0),
        (-0.1, -math.inf),
        (1.1, math.inf),
    ],
)
def test_a_quantile_is_linear_inside_its_bucket(ask: Ask, quantile: float, value: float) -> None:
    assert ask(f"histogram_quantile({quantile}, b_bucket)", WHOLE) == {"": pytest.approx(value)}


def test_a_quantile_in_the_last_bucket_is_the_largest_finite_bound(ask: Ask) -> None:
    series = {**buckets(le1=1), 'b_bucket{le="+Inf"}': [10] * 7}
    assert ask("histogram_quantile(0.9, b_bucket)", series) == {"": 1}


def test_without_an_infinite_bucket_or_observations_there_is_no_quantile(ask: Ask) -> None:
    assert math.isnan(ask("histogram_quantile(0.9, b_bucket)", buckets(le1=1, le2=2))[""])
    nothing = {**buckets(le1=0), 'b_bucket{le="+Inf"}': [0] * 7}
    assert math.isnan(ask("histogram_quantile(0.9, b_bucket)", nothing)[""])


def test_a_rank_at_the_edge_of_a_bucket_belongs_to_it_and_not_behind_the_empty_ones(ask: Ask) -> None:
    series = {**buckets(le1=10, le2=10, le3=20), 'b_bucket{le="+Inf"}': [20.0] * 7}
    assert ask("histogram_quantile(0.5, b_bucket)", series) == {"": 1}


def test_series_without_a_bound_are_left_out(ask: Ask) -> None:
    assert ask("histogram_quantile(0.9, up)", {"up": [1] * 7}) == {}


def test_a_first_bound_at_or_below_zero_is_the_answer_in_its_bucket(ask: Ask) -> None:
    series = {'b_bucket{le="-1"}': [5.0] * 7, 'b_bucket{le="1"}': [6.0] * 7, 'b_bucket{le="+Inf"}': [6.0] * 7}
    assert ask("histogram_quantile(0.5, b_bucket)", series) == {"": -1}


@pytest.mark.parametrize("version", ["2.42", "3.5"])
def test_counts_that_fall_are_taken_as_level(ask: Ask, version: str) -> None:
    series = {**buckets(le1=10, le2=8, le3=20), 'b_bucket{le="+Inf"}': [20] * 7}
    assert ask("histogram_quantile(0.75, b_bucket)", series, version=version) == {"": pytest.approx(2.5)}


def test_buckets_of_equal_bounds_are_added(ask: Ask) -> None:
    series = {'b_bucket{le="1"}': [4.0] * 7, 'b_bucket{le="1.0"}': [4.0] * 7, 'b_bucket{le="+Inf"}': [16.0] * 7}
    assert ask("histogram_quantile(0.25, b_bucket)", series) == {"": pytest.approx(0.5)}


def test_a_bucket_that_comes_later_counts_from_then_on(ask_range: Ask) -> None:
    series = {
        'b_bucket{le="1"}': [None, None, None, 4, 4, 4, 4],
        'b_bucket{le="2"}': [4.0] * 7,
        'b_bucket{le="+Inf"}': [4.0] * 7,
    }
    assert ask_range("histogram_quantile(0.5, b_bucket)", series)[""] == [1, 1, 1, 0.5, 0.5, 0.5, 0.5]
