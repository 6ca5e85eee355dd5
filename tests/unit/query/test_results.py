"""Which labels a result can carry, as far as the expression says."""

import pytest

from aiops_processor.query.results import output_labels


@pytest.mark.parametrize(
    ("expr", "labels"),
    [
        ("up", None),
        ("rate(up[5m])", None),
        ("sum(up)", []),
        ("sum by (a, b) (up)", ["a", "b"]),
        ("sum by () (up)", []),
        ("sum without (a) (up)", None),
        ("sum without (a) (sum by (a, b) (up))", ["b"]),
        ("(sum by (a) (up)) > 5", ["a"]),
        ("5 < sum by (a) (up)", ["a"]),
        ("time() - max by (a) (up)", ["a"]),
        ("(1 + 1) * max by (a) (up)", ["a"]),
        ("topk(5, up)", None),
        ("topk by (a) (5, sum by (a, b) (up))", ["a", "b"]),
        ('count_values by (a) ("v", up)', ["a", "v"]),
        ("a / b", None),
        ("a / on (x) b", ["x"]),
        ("sum by (a, b) (x) / ignoring (b) sum by (a) (y)", ["a"]),
        ("sum by (a) (x) * on (a) group_left (n) y", ["a", "n"]),
        ("x * on (a) group_left (n) y", None),
        ("x * on (a) group_right (n) sum by (a) (y)", ["a", "n"]),
        ("sum by (a) (x) and y", ["a"]),
        ("sum by (a) (x) unless on (a) y", ["a"]),
        ("sum by (a) (x) or sum by (b) (y)", ["a", "b"]),
        ("sum by (a) (x) or y", None),
        ("histogram_quantile(0.9, sum by (le, a) (x))", ["le", "a"]),
        ("histogram_quantile(0.9, x)", None),
        ('label_replace(sum by (a) (x), "b", "$1", "a", "(.*)")', ["a", "b"]),
        ('absent(up{a="1", b=~"2", c!="3"})', ["a"]),
        ('absent({__name__="up", a="1"})', ["a"]),
        ("absent(sum by (a) (up))", []),
        ('absent_over_time(up{a="1"}[5m])', ["a"]),
        ("vector(1)", []),
        ("time()", []),
        ("-sum by (a) (x)", ["a"]),
        ("max_over_time(sum by (a) (x)[5m:])", ["a"]),
        ("info(sum by (a) (x))", None),
        ("1 + 1", []),
    ],
)
def test_the_labels_of_a_result_follow_from_by_on_and_group(expr: str, labels: list[str] | None) -> None:
    assert output_labels(expr) == labels
