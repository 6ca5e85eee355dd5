"""An alert's condition: what it measures, without the thresholds."""

import json
from pathlib import Path

import pytest

from aiops_processor.errors import QueryError
from aiops_processor.query.condition import Side, take_apart
from aiops_processor.query.syntax import parse


@pytest.mark.parametrize(
    ("expr", "sides"),
    [
        ("up == 0", [Side("up", "==", 0.0, "gauge")]),
        ("5 < up", [Side("up", ">", 5.0, "gauge")]),
        ("(up) <= (-5)", [Side("up", "<=", -5.0, "gauge")]),
        ("up > bool 0", [Side("up", ">", 0.0, "gauge")]),
        ("up > 10 * 1024 ^ 2 / (4 - 2)", [Side("up", ">", 5242880.0, "gauge")]),
        ("up > 1 / 0", [Side("up", ">", None, "gauge")]),
        ("up", [Side("up", "", None, "gauge")]),
        ("vector(1)", [Side("vector(1)", "", None, "other")]),
        ("a > 5 and b < 3", [Side("a", ">", 5.0, "gauge"), Side("b", "<", 3.0, "gauge")]),
        (
            "(a > 5 or on (x) b == 1) unless c",
            [Side("a", ">", 5.0, "gauge"), Side("b", "==", 1.0, "gauge"), Side("c", "", None, "gauge")],
        ),
        ("a > 5 or a > 5", [Side("a", ">", 5.0, "gauge")]),
        ("a >= 90 and a < 95", [Side("a", ">=", 90.0, "gauge"), Side("a", "<", 95.0, "gauge")]),
        ("a > b", [Side("a", ">", None, "gauge"), Side("b", "<", None, "gauge")]),
        ("a > on (x) group_left () b * 2", [Side("a", ">", None, "gauge"), Side("b * 2", "<", None, "gauge")]),
        ("10 < a < 20", [Side("a", "<", 20.0, "gauge"), Side("a", ">", 10.0, "gauge")]),
        ("(a > bool 5) * 2 > 1", [Side("(a > bool 5) * 2", ">", 1.0, "gauge"), Side("a", ">", 5.0, "gauge")]),
        ("(a > bool 5) == 1", [Side("a > bool 5", "==", 1.0, "gauge"), Side("a", ">", 5.0, "gauge")]),
        ("count(up == 0) > 2", [Side("count(up == 0)", ">", 2.0, "gauge"), Side("up", "==", 0.0, "gauge")]),
        ("sum by (x) (a > 5)", [Side("a", ">", 5.0, "gauge")]),
        ("(a > 5) * on (i) group_left (n) info", [Side("a", ">", 5.0, "gauge")]),
        ("absent(up)", [Side("up", "", None, "absent")]),
        ("absent(up) == 1", [Side("up", "==", 1.0, "absent")]),
        ('absent(up{job="a"} == 1)', [Side('up{job="a"}', "==", 1.0, "absent")]),
        ("absent_over_time(up[5m])", [Side("up", "", None, "absent")]),
        ("absent_over_time(sum(up)[5m:])", [Side("sum(up)", "", None, "absent")]),
        ("x_total > 5", [Side("x_total", ">", 5.0, "gauge")]),
        ("max by (a) (x_count) > 5", [Side("max by (a) (x_count)", ">", 5.0, "gauge")]),
        ("rate(x_total[5m]) > 5", [Side("rate(x_total[5m])", ">", 5.0, "counter")]),
        ("x > time() - 3600", [Side("x", ">", None, "gauge")]),
        ("hour() > 8 and x > 1", [Side("x", ">", 1.0, "gauge")]),
        ("hour() > 8", [Side("hour()", ">", 8.0, "time")]),
        ("1 > bool 0", [Side("1 > bool 0", "", None, "other")]),
    ],
)
def test_each_side_stands_without_its_threshold(expr: str, sides: list[Side]) -> None:
    assert take_apart(expr) == sides


@pytest.mark.parametrize(
    ("expr", "kind"),
    [
        ("x", "gauge"),
        ("x_total", "counter"),
        ("rate(x[5m])", "counter"),
        ("sum by (a) (increase(x[5m]))", "counter"),
        ("100 * rate(x_seconds_sum[5m])", "counter"),
        ("delta(x_total[5m])", "gauge"),
        ("count(x_total)", "gauge"),
        ("max_over_time(x[5m])", "gauge"),
        ("max_over_time(rate(x[1m])[5m:])", "counter"),
        ("a / b", "ratio"),
        ("1 - a / b", "ratio"),
        ("(a - b) / b * 100", "ratio"),
        ("a / 100", "gauge"),
        ("sum(rate(a_total[5m])) / sum(rate(b_total[5m]))", "ratio"),
        ("histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))", "histogram"),
        ("histogram_count(x)", "histogram"),
        ("time() - x_seconds", "time"),
        ("timestamp(x)", "time"),
        ('label_replace(x_total, "a", "b", "c", "d")', "counter"),
        ("clamp_max(a / b, 1)", "ratio"),
        ("-x_total", "counter"),
        ('{__name__=~"x.*"}', "other"),
        ("1", "other"),
    ],
)
def test_the_kind_of_number_decides_how_it_is_compared(expr: str, kind: str) -> None:
    assert [side.kind for side in take_apart(expr)] == [kind]


def test_what_is_not_promql_is_refused() -> None:
    with pytest.raises(QueryError):
        take_apart("up ==")


@pytest.mark.shared
def test_every_real_rule_has_sides_that_can_be_asked(shared: Path) -> None:
    rules = [json.loads(line)["expr"] for line in (shared / "benchmarks" / "rules.jsonl").read_text().splitlines()]
    thresholds = 0
    for expr in rules:
        try:
            parse(expr)
        except QueryError:
            continue
        sides = take_apart(expr)
        assert sides, expr
        thresholds += any(side.threshold is not None for side in sides)
        for side in sides:
            parse(side.expr)
    assert thresholds > 1150
