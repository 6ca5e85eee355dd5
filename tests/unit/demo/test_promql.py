from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor.demo.evaluation.vectors import BadQuery, ExecutionError, ParseError, Samples, Text
from aiops_processor.demo.promql import PromQL
from aiops_processor.demo.recording import Recording

Ask = Callable[..., dict[str, Any]]
Make = Callable[..., Recording]

SHOP = {
    'up{job="shop",service="a"}': [1, 1, 1, 1, 1, 1, 1],
    'up{job="shop",service="b"}': [1, 1, 0, None, None, None, None],
    'up{job="node"}': [1, 1, 1, 1, 1, 1, 1],
}


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("up", {"up,shop,a", "up,shop,b", "up,node"}),
        ('up{job="shop"}', {"up,shop,a", "up,shop,b"}),
        ('up{service!="a"}', {"up,shop,b", "up,node"}),
        ('up{service=""}', {"up,node"}),
        ('up{service=~"a|c"}', {"up,shop,a"}),
        ('up{service!~"a.*"}', {"up,shop,b", "up,node"}),
        ('{__name__=~"u.",job="node"}', {"up,node"}),
        ('up{job="shop" or job="node",service=""}', {"up,shop,a", "up,shop,b", "up,node"}),
        ('up{service="(a)"}', set()),
    ],
)
def test_a_selector_finds_the_series_that_its_matchers_mean(ask: Ask, selector: str, found: set[str]) -> None:
    assert set(ask(selector, SHOP)) == found


def test_a_series_ends_two_and_a_half_intervals_after_its_last_sample(ask_range: Ask) -> None:
    assert ask_range('up{service="b"}', SHOP)["up,shop,b"] == [1, 1, 0, 0, 0, None, None]


def test_the_lookback_can_be_prometheus_own(ask_range: Ask) -> None:
    assert ask_range('up{service="b"}', SHOP, lookback=300)["up,shop,b"] == [1, 1, 0, 0, 0, 0, 0]


def test_what_the_clock_has_not_reached_is_not_seen(ask_range: Ask) -> None:
    assert ask_range('up{job="node"}', SHOP, seen=20)["up,node"] == [1, 1, 1, 1, 1, None, None]
    assert ask_range('count_over_time(up{job="node"}[5s])', SHOP, seen=20)["node"] == [1, 1, 1] + [None] * 4


def test_offset_and_at_move_where_a_selector_looks(ask: Ask) -> None:
    series = {"x": [0, 1, 2, 3, 4, 5, 6]}
    assert ask("x offset 20s", series) == {"x": 4}
    assert ask("x offset -10s", series, time=30) == {"x": 3}  # 40 s is not there yet at 30 s
    assert ask("x @ 10", series) == {"x": 1}
    assert ask("x @ end() offset 10s", series) == {"x": 5}


@pytest.mark.parametrize(("version", "counted"), [("2.42", 3), ("3.5", 2)])
def test_a_sample_on_the_left_border_counts_before_prometheus_3(ask: Ask, version: str, counted: int) -> None:
    assert ask("count_over_time(x[20s])", {"x": [1] * 7}, version=version) == {"": counted}


def test_a_range_selector_alone_is_the_raw_samples(recording: Make) -> None:
    result = PromQL(recording({"x": [0, 1, 2, 3]})).instant("x[15s]", 30, 30).value
    assert isinstance(result, Samples)
    window = slice(int(result.low[0, 0]), int(result.high[0, 0]))
    assert result.times[window].tolist() == [20_000, 30_000]


def test_a_subquery_evaluates_at_multiples_of_its_step(ask: Ask) -> None:
    series = {"x": [0, 1, 2, 3, 4, 5, 6]}
    assert ask("sum_over_time(x[30s:20s])", series, time=65) == {"": 4 + 6}
    assert ask("max_over_time((x * 2)[1m:10s])", series) == {"": 12}


def test_a_subquery_without_a_step_takes_that_of_the_recorded_rules(recording: Make) -> None:
    rules = {"groups": [{"interval": 30, "rules": []}]}
    promql = PromQL(recording({"x": [1] * 7}, rules=rules))
    assert promql.instant("count_over_time(x[1m:])", 60, 60).value.values.tolist() == [[3]]  # type: ignore[union-attr]


def test_unary_minus_drops_the_name(ask: Ask) -> None:
    assert ask("-x", {'x{a="b"}': [3] * 7}) == {"b": -3}


def test_a_string_is_a_string(recording: Make) -> None:
    assert PromQL(recording({})).instant('"a"', 0, 0).value == Text("a")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("sum(rate(x[5m])", 'invalid parameter "query": 1:16: parse error: unclosed left parenthesis'),
        ('up{job=~"(["}', 'invalid parameter "query": 1:4: parse error: error parsing regexp: missing closing ]: `[`'),
        ("1 + nosuch(x)", 'invalid parameter "query": 1:5: parse error: unknown function with name "nosuch"'),
        ("up[5m]+1", 'invalid parameter "query": 1:1: parse error: binary expression must contain only'),
    ],
)
def test_what_does_not_parse_is_said_in_prometheus_words(recording: Make, query: str, message: str) -> None:
    with pytest.raises(ParseError) as error:
        PromQL(recording({})).instant(query, 0, 0)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("mad_over_time(x[1m])", "mad_over_time"),
        ("limitk(1, x)", "limitk"),
        ("holt_winters(x[1m], 0.5, 0.5)", "holt_winters"),
        ("histogram_fraction(0, 1, x)", "histogram_fraction"),
        ('sort_by_label(x, "a")', "sort_by_label"),
        ('x{a=~"\\\\pL"}', r"`\\p`"),
    ],
)
def test_what_is_not_implemented_is_an_error_that_names_it(recording: Make, query: str, named: str) -> None:
    with pytest.raises(ExecutionError, match=named):
        PromQL(recording({"x": [1]})).instant(query, 0, 0)


@pytest.mark.parametrize(("query", "kind"), [("x[1m]", "range vector"), ('"a"', "string")])
def test_a_range_query_wants_a_vector_or_a_scalar(recording: Make, query: str, kind: str) -> None:
    with pytest.raises(BadQuery, match=f'^invalid expression type "{kind}" for range query'):
        PromQL(recording({})).range(query, 0, 10, 1, 10)


@pytest.mark.parametrize(("version", "count"), [("2.42", 0), ("2.53", 1), ("3.5", 1)])
def test_a_rate_of_what_seems_no_counter_is_remarked_since_2_49(recording: Make, version: str, count: int) -> None:
    remarks = PromQL(recording({}, version=version)).instant("sum(rate(memory_bytes[1m]))", 0, 0).remarks
    assert len(remarks) == count
    assert all('"memory_bytes" (1:10)' in remark for remark in remarks)
