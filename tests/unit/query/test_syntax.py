"""PromQL to tree and back: what is written parses to the same tree."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_processor.errors import QueryError
from aiops_processor.query.promql import inject, output_labels, take_apart
from aiops_processor.query.syntax import number, parse, render

EVERY_CONSTRUCT = [
    "x",
    "x{}",
    'x{a="b",c!="d",e=~"f.*",g!~"h"}',
    '{__name__="x",__name__!="y"}',
    '{"foo.bar","l.b"="c"}',
    'x{a="b" or c="d",e="f"}',
    'x{a="q\\"u\\\\o\\nte"}',
    "x offset 5m",
    "x offset -5m",
    "x @ 1609746000.123",
    "x @ start()",
    "x @ end() offset 1w2d3h4m5s6ms",
    "x[5m] offset 1h",
    "x[1h30m]",
    "sum_over_time(x[1h:5m] offset 1h @ 100)",
    "x[5m:]",
    "-x",
    "--x",
    "-(-1)",
    "-1 ^ 2",
    "2 ^ 3 ^ 2",
    "(2 ^ 3) ^ 2",
    "1 - -1",
    "1e-9 + 0x1F + .5 + Inf - NaN + 1e308 + 5e-324",
    '"a\\nb"',
    "'a\"'",
    "sum(x)",
    "sum by (a, b) (x)",
    "sum(x) without (a)",
    'sum by ("foo.bar") (x)',
    "topk by (a) (5, x)",
    'count_values("v", x)',
    "quantile(0.9, x)",
    "a > bool 5",
    "a == bool on (x) group_left b",
    "a * on (x) group_left (y, z) b",
    "a * ignoring (x) group_right (y) b",
    "a and on () b unless ignoring (c) d or e",
    "a + on (x) fill_left (0) fill_right (-1) b",
    "a atan2 b % c",
    "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))",
    'label_replace(x, "a", "$1", "b", "(.*)\\\\.")',
    "time() - x",
    "absent(up == 1)",
    "sum # a comment (\n (x)",
]


@pytest.mark.parametrize("expr", EVERY_CONSTRUCT)
def test_what_is_written_parses_to_the_same_tree(expr: str) -> None:
    assert repr(parse(render(parse(expr)))) == repr(parse(expr))


@pytest.mark.shared
def test_all_real_rules_are_written_as_they_were_read(shared: Path) -> None:
    rules = [json.loads(line)["expr"] for line in (shared / "benchmarks" / "rules.jsonl").read_text().splitlines()]
    refused = []
    for expr in rules:
        try:
            tree = parse(expr)
        except QueryError as error:
            refused.append(str(error))
            continue
        assert repr(parse(render(tree))) == repr(tree), expr
    assert len(rules) == 1389
    # One rule has "\." in a string with escapes; Prometheus refuses it too.
    assert [message[:41] for message in refused] == ["not PromQL: unknown escape sequence '.' i"]


@given(st.floats(allow_nan=False))
def test_any_number_is_read_back_as_it_was(value: float) -> None:
    assert repr(parse(f"({number(value)})")) == repr(parse(f"({value!r})".replace("inf", "Inf")))
    assert float(number(value)) == value


@pytest.mark.parametrize(
    "expr", ["", "sum(", "up[5m", "up{a=b}", "rate(up)", 'x{a=~"("}', "{}", "x offset", "1 +", "# only a comment"]
)
def test_what_is_not_promql_is_refused_and_quoted(expr: str) -> None:
    with pytest.raises(QueryError, match=r"^not PromQL: .+ in '"):
        parse(expr)


@pytest.mark.parametrize(
    "expr",
    ["(" * 50_000 + "x" + ")" * 50_000, "-" * 99_999 + "x", " or ".join(["x"] * 20_000), "x" + "[5m:]" * 10_000],
)
def test_an_expression_made_to_stop_us_is_refused_at_once(expr: str) -> None:
    began = time.process_time()
    with pytest.raises(QueryError, match=r"more than 200 operators|longer than"):
        parse(expr)
    assert time.process_time() - began < 1


def test_operators_inside_strings_and_comments_do_not_count() -> None:
    assert render(parse('x{a=~"' + "(a|b)+" * 300 + "\"} # it's " + "(" * 300)).startswith("x{")


def test_the_deepest_expression_that_is_taken_can_be_worked_with() -> None:
    deepest = "(" * 200 + "x" + ")" * 200
    assert render(parse(deepest)) == deepest
    assert render(parse(" + ".join(["x"] * 201))) == " + ".join(["x"] * 201)
    assert inject(" or ".join(["x"] * 201), {"a": "b"}) == " or ".join(['x{a="b"}'] * 201)
    assert [side.expr for side in take_apart("abs(" * 200 + "x" + ")" * 200)] == ["abs(" * 200 + "x" + ")" * 200]
    assert output_labels("-" * 200 + "x") is None


@given(st.text(alphabet="xa{}()[]=~!\"'`\\#:@-+5m, \noffsetby"))
def test_any_text_is_refused_or_written_as_it_was_read(expr: str) -> None:
    try:
        tree = parse(expr)
    except QueryError:
        return
    assert repr(parse(render(tree))) == repr(tree)


@pytest.mark.parametrize("mark", ['"', "'", "`"])
def test_a_string_that_never_ends_takes_no_time(mark: str) -> None:
    began = time.process_time()
    for text in (mark + f"\\{mark}" * 49_000, mark * 99_001, f"\\{mark}" * 49_000):
        with pytest.raises(QueryError):
            parse(text)
    assert time.process_time() - began < 3
