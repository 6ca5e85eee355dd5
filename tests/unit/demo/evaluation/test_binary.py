import math
from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor.demo.evaluation.vectors import ExecutionError

Ask = Callable[..., dict[str, Any]]

SERIES = {
    'used{pod="1",zone="x"}': [2] * 7,
    'used{pod="2",zone="x"}': [6] * 7,
    'limit{pod="1",zone="x"}': [4] * 7,
    'limit{pod="2",zone="x"}': [8] * 7,
    'zones{zone="x",name="north"}': [10] * 7,
}


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("1 + 2 * 3 ^ 2 % 5", {"": 1 + (2 * 9) % 5}),
        ("1 > bool 2", {"": 0}),
        ("used * 2", {"1,x": 4, "2,x": 12}),
        ("8 - used", {"1,x": 6, "2,x": 2}),
        ("used > 3", {"used,2,x": 6}),
        ("3 < used", {"used,2,x": 6}),
        ("used > bool 3", {"1,x": 0, "2,x": 1}),
        ("used / limit", {"1,x": 0.5, "2,x": 0.75}),
        ("used / on (pod) limit", {"1": 0.5, "2": 0.75}),
        ("used / ignoring (zone) limit", {"1": 0.5, "2": 0.75}),
        ("used > limit / 2", {"used,2,x": 6}),
        ("used / on (zone) group_left () zones", {"1,x": 0.2, "2,x": 0.6}),
        ("used * on (zone) group_left (name) zones", {"north,1,x": 20, "north,2,x": 60}),
        ("zones / on (zone) group_right () used", {"1,x": 5, "2,x": 10 / 6}),
        ("zones > on (zone) group_right () used", {"used,1,x": 10, "used,2,x": 10}),
        ('used and limit{pod="1"}', {"used,1,x": 2}),
        ('used unless limit{pod="1"}', {"used,2,x": 6}),
        ('used{pod="1"} or limit', {"used,1,x": 2, "limit,2,x": 8}),
        ("used and on () vector(1)", {"used,1,x": 2, "used,2,x": 6}),
        ("used / nosuch", {}),
        ("used / 0", {"1,x": math.inf, "2,x": math.inf}),
        ("-used % 4", {"1,x": -2, "2,x": -2}),  # the sign of the dividend, as in Go
    ],
)
def test_operators_match_series_by_their_labels(ask: Ask, query: str, result: dict[str, float]) -> None:
    assert ask(query, SERIES) == pytest.approx(result)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("used / on (zone) limit", r'found duplicate series for the match group \{zone="x"\} on the right hand-side'),
        ("zones / on (zone) used", "on the right hand-side"),
        ("used / on (zone) zones", "multiple matches for labels: many-to-one matching must be explicit"),
        ('label_replace(used, "pod", "", "", "") * on (zone) group_left () zones', "same labelset"),
        ('used * on (zone) group_left (pod) label_replace(zones, "pod", "9", "", "")', "grouping labels must ensure"),
    ],
)
def test_matches_that_are_not_unique_are_refused(ask: Ask, query: str, reason: str) -> None:
    with pytest.raises(ExecutionError, match=reason):
        ask(query, SERIES)


def test_a_duplicate_at_one_step_only_is_refused_there(ask_range: Ask) -> None:
    series = {'a{p="1"}': [1] * 7, 'b{p="1",q="1"}': [1, None] * 3, 'b{p="1",q="2"}': [None, 1] * 3}
    assert ask_range("a + on (p) b", series, lookback=5) == {"1": [2, 2, 2, 2, 2, 2, None]}
    with pytest.raises(ExecutionError, match="duplicate series"):
        ask_range("a + on (p) b", series, lookback=15)


def test_a_comparison_keeps_a_series_only_at_the_steps_where_it_holds(ask_range: Ask) -> None:
    assert ask_range("m > 2", {"m": [1, 2, 3, 4, 3, 2, 1]})["m"] == [None, None, 3, 4, 3, None, None]
