import pytest

from aiops_processor.errors import QueryError
from aiops_processor.query.limited import Bounds, logql, one_selector, promql

BOUNDS = Bounds()


def test_an_expression_is_written_anew_and_its_selectors_are_named() -> None:
    found = promql('sum by (pod)(rate(http_requests_total{service="a"}[5m] offset 1h)) / count(up{job="b"})', BOUNDS)
    assert found.selectors == ('http_requests_total{service="a"}', 'up{job="b"}')
    assert promql(found.text, BOUNDS) == found


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        ("up[99y]", "too long"),
        ("rate(up[7h])", "too long"),
        ("up offset 30d", "too long"),
        ("up offset -30d", "too long"),
        ("up @ 0", "@ is not allowed"),
        ("max_over_time(rate(up[5m])[6h:1s])", "subqueries"),
        ("sum(sum(max_over_time(up[1h:1s])))", "subqueries"),
        ('{__name__=~".+"}', "exact value"),
        ('{job!="x"}', "not PromQL"),
        ('{job=~".*"}', "not PromQL"),
        ('{job=~"x.*"}', "exact value"),
        ("a + b + c + d + e", "too many"),
        ("up" + " " * 1_000, "longer"),
        ("1 + 1", "reads no series"),
        ("up; drop table", "not PromQL"),
        ("", "not PromQL"),
    ],
)
def test_what_is_too_much_is_refused_and_told_why(expr: str, reason: str) -> None:
    with pytest.raises(QueryError, match=reason):
        promql(expr, BOUNDS)


def test_only_a_selector_is_a_selector() -> None:
    assert one_selector('{service="a"}', BOUNDS) == '{service="a"}'
    for text in ('rate(up{service="a"}[5m])', "up + up", "up[5m]", "up offset 1h"):
        with pytest.raises(QueryError, match="selector alone"):
            one_selector(text, BOUNDS)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('{app="a"}', '{app="a"}'),
        ('{app="a",ns=~"b.*"}|="x y"!=`z"`', '{app="a", ns=~"b.*"} |= "x y" != "z\\""'),
        ('{ app = "a" } |~ "a\\\\d" !~ "b"', '{app="a"} |~ "a\\\\d" !~ "b"'),
    ],
)
def test_a_log_query_is_taken_apart_and_written_anew(text: str, written: str) -> None:
    assert logql(text, BOUNDS).text == written
    assert logql(written, BOUNDS).text == written


@pytest.mark.parametrize(
    "text",
    [
        '{app=~".+"}',
        '{app!="a"}',
        '{app=""}',
        "{}",
        "",
        "app",
        '{app="a"',
        '{app="a"} | json',
        '{app="a"} | line_format "{{.x}}"',
        'sum(count_over_time({app="a"}[99d]))',
        '{app="a"}[5m]',
        '{app="a"} |= "x" or {app="b"}',
        '{app="a"} |= x',
        '{app="a\\x"}',
        '{app="a"} |= "' + "x" * 1_000 + '"',
    ],
)
def test_anything_but_a_selector_and_line_filters_is_refused(text: str) -> None:
    with pytest.raises(QueryError):
        logql(text, BOUNDS)
