import pytest

from aiops_processor.errors import QueryError
from aiops_processor.query import cost


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("up == 0", {"up": 1}),
        ("rate(errors_total[5m]) > 1", {"errors_total": 20}),
        ("rate(a[1m]) / on () group_left sum(b)", {"a": 4, "b": 1}),
        ("a + a", {"a": 2}),
        ("max_over_time(a[30d])", {"a": 172_800}),
        ("avg_over_time(rate(a[1m])[1h:5m])", {"a": 12 * 4}),
        ("avg_over_time(a[1h:])", {"a": 60}),
        ("max_over_time(min_over_time(a[1h:1m])[1d:1h])", {"a": 24 * 60}),
        ("vector(1)", {}),
    ],
)
def test_windows_and_subqueries_say_how_much_is_read(expr: str, expected: dict[str, int]) -> None:
    assert dict(cost.samples(expr, 15.0)) == expected


def test_what_is_no_promql_is_refused() -> None:
    with pytest.raises(QueryError):
        cost.samples("sum(", 15.0)
