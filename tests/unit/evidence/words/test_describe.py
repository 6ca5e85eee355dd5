import pytest

from aiops_processor.evidence.words import describe
from aiops_processor.query import promql


@pytest.mark.parametrize(("every", "expected"), [(1, "60s"), (15, "60s"), (60, "240s")])
def test_a_rate_reaches_over_four_scrapes(every: float, expected: str) -> None:
    """One minute, where Prometheus scrapes every minute as it does by default, would show nothing at all."""
    query = describe.in_range(describe.mean("seconds", {"service": "cart"}), every)

    assert query.count(f"[{expected}]") == 2
    promql.parse(query)


def test_a_metric_whose_name_is_no_plain_one_is_selected_by_it() -> None:
    query = describe.gauge("http.server.active_requests", {"service": "cart"})

    assert query == 'avg({__name__="http.server.active_requests",service="cart"})'
    promql.parse(query)
