"""Selectors: found, written, narrowed; no label value can change a query."""

import json
from collections.abc import Mapping
from pathlib import Path

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_processor.errors import QueryError
from aiops_processor.query import promql
from aiops_processor.query.promql import Selector

BAD_VALUES = [
    '"} or {__name__=~".+"',
    "a\nb",
    "\\",
    '\\"',
    "\x00",
    "{}",
    "'",
    "`",
    "é😀",
    "$1",
    '",b="',
    "#",
    "\x7f\x85",
]
LABELS = st.dictionaries(
    st.one_of(st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True), st.text(min_size=1, max_size=8)),
    st.one_of(st.sampled_from(BAD_VALUES), st.text()),
    max_size=4,
).map(lambda labels: {name: value for name, value in labels.items() if name != "__name__"})


def matchers_of(text: str) -> list[tuple[str, str, str]]:
    """The matchers of a selector, read by the parser alone."""
    node = promql_parser.parse(text)
    assert isinstance(node, promql_parser.VectorSelector)
    assert node.matchers.or_matchers == []
    return [(each.name, str(each.op), each.value) for each in node.matchers.matchers]


@given(LABELS)
def test_a_selector_has_exactly_the_matchers_that_were_given(labels: Mapping[str, str]) -> None:
    text = promql.selector("m", labels)
    assert matchers_of(text) == [(name, "MatchOp.Equal", value) for name, value in labels.items()]
    assert text.startswith("m")


@given(st.text(min_size=1), LABELS)
def test_any_metric_name_selects_that_metric_alone(name: str, labels: Mapping[str, str]) -> None:
    [found] = promql.selectors(promql.selector(name, labels))
    assert found.metric == name
    assert found.matchers == tuple((label, "=", value) for label, value in labels.items())


@given(LABELS)
def test_injected_values_cannot_change_the_query(labels: Mapping[str, str]) -> None:
    expr = 'sum by (a) (rate(x{job="j"}[5m])) / ignoring (b) y offset 1h > 0.5'
    [first, second] = promql.selectors(promql.inject(expr, labels))
    given_here = tuple((name, "=", value) for name, value in labels.items() if name != "job")
    assert first.matchers == (("job", "=", "j"), *given_here)
    assert second.matchers == tuple((name, "=", value) for name, value in labels.items())
    assert (first.metric, first.range_seconds, second.metric) == ("x", 300.0, "y")


@given(st.sampled_from(["=", "!=", "=~", "!~"]), st.sampled_from([*BAD_VALUES, "plain"]))
def test_a_matcher_is_read_back_with_its_operator(op: promql.Operator, value: str) -> None:
    text = promql.matcher("a", op, "x" if "~" in op else value)
    [(name, _, read)] = matchers_of(f"m{{{text}}}")
    assert (name, read) == ("a", "x" if "~" in op else value)
    assert f"a{op}" in text


@pytest.mark.parametrize(
    ("name", "equal", "text"),
    [
        ("up", {}, "up"),
        ("up", {"job": "a", "b": ""}, 'up{job="a", b=""}'),
        (None, {"job": "a"}, '{job="a"}'),
        ("job:up:sum", {}, "job:up:sum"),
        ("foo.bar", {"a": "b"}, '{__name__="foo.bar", a="b"}'),
        ("on", {}, '{__name__="on"}'),
        ("NaN", {}, '{__name__="NaN"}'),
        ("up", {"k8s.pod": "a"}, 'up{"k8s.pod"="a"}'),
    ],
)
def test_a_selector_is_written_as_plainly_as_it_can_be(name: str | None, equal: Mapping[str, str], text: str) -> None:
    assert promql.selector(name, equal) == text


@pytest.mark.parametrize(("name", "equal"), [(None, {}), ("", {}), (None, {"a": ""})])
def test_a_selector_of_nothing_is_refused(name: str | None, equal: Mapping[str, str]) -> None:
    with pytest.raises(QueryError, match="needs a metric name or a label with a value"):
        promql.selector(name, equal)


def test_an_empty_label_name_and_an_unknown_operator_are_refused() -> None:
    with pytest.raises(QueryError, match="must not be empty"):
        promql.matcher("", "=", "a")
    with pytest.raises(QueryError, match="is no matcher"):
        promql.matcher("a", "==", "a")  # pyrefly: ignore[bad-argument-type]: what a plugin without types may pass


def test_selectors_are_found_in_the_order_of_the_text() -> None:
    expr = 'topk(scalar(k), rate(a{x="1"}[5m] offset 1h)) / on (x) {__name__="b", y!="2"} + max_over_time(c[1h:1m])'
    assert promql.selectors(expr) == [
        Selector("k", (), None, "k"),
        Selector("a", (("x", "=", "1"),), 300.0, 'a{x="1"}'),
        Selector("b", (("y", "!=", "2"),), None, '{__name__="b", y!="2"}'),
        Selector("c", (), None, "c"),
    ]


def test_a_selector_without_a_metric_has_none() -> None:
    assert promql.selectors('{__name__=~"a|b"}') == [
        Selector(None, (("__name__", "=~", "a|b"),), None, '{__name__=~"a|b"}')
    ]


@pytest.mark.parametrize(
    ("expr", "narrowed"),
    [
        ("up", 'up{job="a"}'),
        ("rate(x[5m] offset 1h) > 1", 'rate(x{job="a"}[5m] offset 1h) > 1'),
        ('up{job="b"} or up{job=~".+"} or up{job!="c"}', 'up{job="b"} or up{job=~".+"} or up{job!="c"}'),
        ('{__name__=~"a|b"}', '{__name__=~"a|b", job="a"}'),
        ('x{a="1" or job="2"}', 'x{a="1", job="a" or job="2"}'),
        ("vector(1)", "vector(1)"),
        ("max_over_time(x[1h:1m])", 'max_over_time(x{job="a"}[1h:1m])'),
    ],
)
def test_matchers_are_added_where_the_label_has_none(expr: str, narrowed: str) -> None:
    assert promql.inject(expr, {"job": "a"}) == narrowed


def test_a_metric_name_is_never_added_to() -> None:
    assert promql.inject("up", {"__name__": "down"}) == "up"


def test_each_selector_can_have_its_own_matchers() -> None:
    def only(selector: Selector) -> Mapping[str, str]:
        return {"pod": "p"} if selector.metric == "a" and selector.range_seconds == 60 else {}

    assert promql.inject("rate(a[1m]) / a / b", {"job": "ignored"}, only) == 'rate(a{pod="p"}[1m]) / a / b'


@pytest.mark.shared
def test_every_real_rule_can_be_narrowed(shared: Path) -> None:
    rules = [json.loads(line)["expr"] for line in (shared / "benchmarks" / "rules.jsonl").read_text().splitlines()]
    for expr in rules:
        try:
            before = promql.selectors(expr)
        except QueryError:
            continue
        after = promql.selectors(promql.inject(expr, {"aiops": '"} or up{a="'}))
        assert [each.matchers for each in after] == [
            (*each.matchers, ("aiops", "=", '"} or up{a="')) for each in before
        ]


@pytest.mark.parametrize(
    ("selector", "narrowed"),
    [
        ("m", 'm{ns=~"a|"}'),
        ('m{code="500"}', 'm{code="500", ns=~"a|"}'),
        ('m{ns="b"}', 'm{ns="b"}'),
        ('{__name__=~"m.*"}', '{__name__=~"m.*", ns=~"a|"}'),
    ],
)
def test_a_selector_is_narrowed_where_it_says_nothing_of_the_label_itself(selector: str, narrowed: str) -> None:
    assert promql.narrowed(selector, "ns", "=~", "a|") == narrowed
