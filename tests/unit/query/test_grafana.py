import pytest

from aiops_processor.errors import QueryError
from aiops_processor.query import promql
from aiops_processor.query.grafana import filled_in


@pytest.mark.parametrize("written", ["$__rate_interval", "${__rate_interval}", "$__interval", "${__range:raw}"])
def test_grafanas_durations_become_a_range(written: str) -> None:
    assert filled_in(f"rate(x[{written}]) > 1") == "rate(x[5m]) > 1"


def test_grafanas_numbers_become_numbers() -> None:
    assert filled_in("x * $__interval_ms / ${__range_s}") == "x * 300000 / 300"


def test_other_variables_are_no_promql() -> None:
    with pytest.raises(QueryError):
        promql.parse(filled_in('up{job="a"} > $threshold'))
