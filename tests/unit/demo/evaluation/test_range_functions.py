import math
from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor.demo.evaluation.vectors import ExecutionError

Ask = Callable[..., dict[str, Any]]

COUNTER = {"c_total": [0, 10, 20, 30, 40, 50, 60]}
RESET = {"c_total": [100, 110, 120, 5, 15, 25, 35]}


def test_rate_stretches_the_change_to_the_borders_of_the_window(ask: Ask) -> None:
    # At 65 s the window 35…65 s holds 40, 50 and 60: 20 in 20 s, stretched 5 s to both sides.
    assert ask("increase(c_total[30s])", COUNTER, time=65) == {"": pytest.approx(30)}
    assert ask("rate(c_total[30s])", COUNTER, time=65) == {"": pytest.approx(1)}


def test_rate_adds_what_a_counter_had_before_it_was_reset(ask: Ask) -> None:
    # 100…120 and 5…35 in the whole minute: 20 + 5 + 30.
    assert ask("increase(c_total[1m])", RESET) == {"": pytest.approx(55)}
    assert ask("resets(c_total[1m])", RESET) == {"": 1}
    assert ask("delta(c_total[1m])", RESET) == {"": pytest.approx(-65)}


def test_a_counter_is_not_stretched_below_zero(ask: Ask) -> None:
    # The first sample is 1 and it grows 10 in 10 s: zero was 1 s before it, not 5.
    series = {"c_total": [None, None, None, 1, 11, 21, 31]}
    assert ask("increase(c_total[35s])", series) == {"": pytest.approx(30 * 31 / 30)}


@pytest.mark.parametrize(("version", "stretched"), [("2.42", 9), ("3.5", 5)])
def test_before_2_52_the_zero_of_a_counter_could_lengthen_the_reach(ask: Ask, version: str, stretched: int) -> None:
    # Zero lies 9 s before the first sample, the border 25 s: half an interval is 5 s.
    series = {"c_total": [None, None, None, 9, 19, 29, 39]}
    assert ask("increase(c_total[55s])", series, version=version) == {"": pytest.approx(30 * (30 + stretched) / 30)}


def test_one_sample_has_no_rate(ask: Ask) -> None:
    assert ask("rate(c_total[5s])", COUNTER) == {}
    assert ask("irate(c_total[5s])", COUNTER) == {}


def test_instant_rates_are_of_the_last_two_samples(ask: Ask) -> None:
    assert ask("irate(c_total[1m])", {"c_total": [0, 0, 0, 0, 0, 10, 40]}) == {"": 3}
    assert ask("irate(c_total[1m])", {"c_total": [0, 0, 0, 0, 0, 10, 4]}) == {"": 0.4}
    assert ask("idelta(g[1m])", {"g": [0, 0, 0, 0, 0, 10, 4]}) == {"": -6}


@pytest.mark.parametrize(
    ("function", "value"),
    [
        ("sum", 12),
        ("avg", 3),
        ("min", 1),
        ("max", 6),
        ("count", 4),
        ("present", 1),
        ("stdvar", 3.5),
        ("stddev", math.sqrt(3.5)),
    ],
)
def test_values_over_time_are_folded(ask: Ask, function: str, value: float) -> None:
    series = {"g": [9, 9, 9, 1, 2, 3, 6]}
    assert ask(f"{function}_over_time(g[30s])", series) == {"": pytest.approx(value)}


def test_last_over_time_keeps_the_name(ask: Ask) -> None:
    assert ask("last_over_time(g[30s])", {"g": [9, 9, 9, 1, 2, 3, 6]}) == {"g": 6}


@pytest.mark.parametrize(("quantile", "value"), [(0, 1), (0.5, 2.5), (1, 6), (-1, -math.inf), (2, math.inf)])
def test_a_quantile_lies_between_the_two_nearest_ranks(ask: Ask, quantile: float, value: float) -> None:
    assert ask(f"quantile_over_time({quantile}, g[30s])", {"g": [9, 9, 9, 1, 2, 3, 6]}) == {"": value}


def test_nan_is_no_minimum_unless_there_is_nothing_else(ask: Ask) -> None:
    assert ask("min_over_time(g[20s])", {"g": [0, 0, 0, 0, math.nan, 5, 3]}) == {"": 3}
    assert math.isnan(ask("min_over_time(g[20s])", {"g": [0, 0, 0, 0] + [math.nan] * 3})[""])


def test_changes_counts_what_is_different_from_the_sample_before(ask: Ask) -> None:
    assert ask("changes(g[1m])", {"g": [1, 1, 2, 2, math.nan, math.nan, 2]}) == {"": 3}


def test_a_regression_has_the_slope_of_its_line(ask: Ask) -> None:
    assert ask("deriv(g[1m])", {"g": [5, 7, 9, 11, 13, 15, 17]}) == {"": pytest.approx(0.2)}
    assert ask("predict_linear(g[1m], 100)", {"g": [5, 7, 9, 11, 13, 15, 17]}) == {"": pytest.approx(37)}
    assert ask("deriv(g[1m])", {"g": [4] * 7}) == {"": 0}


def test_windows_without_samples_give_no_value(ask_range: Ask) -> None:
    series = {"g": [1, 2, None, None, None, 6, 7]}
    assert ask_range("sum_over_time(g[10s])", series)[""] == [1, 3, 2, None, None, 6, 13]
    assert ask_range("stdvar_over_time(g[10s])", series)[""] == [0, 0.25, 0, None, None, 0, 0.25]


def test_functions_of_two_metrics_with_the_same_labels_are_refused(ask: Ask) -> None:
    with pytest.raises(ExecutionError, match="vector cannot contain metrics with the same labelset"):
        ask('rate({__name__=~".+"}[1m])', {"a_total": [1] * 7, "b_total": [1] * 7})
