import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from aiops_processor.evidence.asking.discovery import Neighbourhood, discover
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.read import Reader
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Outcome, Window
from aiops_processor.models.samples import Series

pytestmark = pytest.mark.anyio

MakeSeries = Callable[..., Series]
MakeAlert = Callable[..., Alert]
RULE = "rate(errors_total[1m])+>+2"


async def discovered(metrics: Any, noon: datetime, *alerts: Alert) -> Neighbourhood:
    window = Window(start=noon - timedelta(minutes=15), onset=noon - timedelta(minutes=2), end=noon)
    return await discover(metrics, alerts, window, Reader(8, 10.0), Limits())


def counts_of_the_rule(metrics: Any) -> list[str]:
    return [asked for asked in metrics.asked if asked.startswith("count by (") and "errors_total" in asked]


async def test_series_of_a_rule_are_counted_in_the_alerts_own_namespace(
    metrics: Any, series: MakeSeries, alert: MakeAlert, noon: datetime
) -> None:
    metrics.raw = [series("errors_total", lambda t: t, service="cart")]

    found = await discovered(metrics, noon, alert(service="cart", expr=RULE))

    (asked,) = counts_of_the_rule(metrics)
    assert 'errors_total{namespace=~"shop|"}' in asked
    assert found.discovered.selectors["errors_total"].carries("namespace", "shop")


async def test_where_the_rule_reads_another_namespace_all_of_its_series_are_counted(
    metrics: Any, series: MakeSeries, alert: MakeAlert, noon: datetime
) -> None:
    metrics.raw = [series("errors_total", lambda t: t, service="cart", namespace="monitoring")]

    found = await discovered(metrics, noon, alert(service="cart", expr=RULE))

    assert ["{namespace" in asked for asked in counts_of_the_rule(metrics)] == [True, False]
    assert found.discovered.selectors["errors_total"].carries("service", "cart")
    assert not found.discovered.selectors["errors_total"].carries("namespace", "shop")


async def test_a_rule_that_names_its_namespace_is_counted_once(
    metrics: Any, series: MakeSeries, alert: MakeAlert, noon: datetime
) -> None:
    metrics.raw = [series("errors_total", lambda t: t, service="cart", namespace="other")]

    await discovered(metrics, noon, alert(service="cart", expr='errors_total{namespace="other"}+>+2'))

    assert len(counts_of_the_rule(metrics)) == 1


async def test_a_count_that_failed_is_kept_as_failed_and_not_asked_again(
    metrics: Any, alert: MakeAlert, noon: datetime, unavailable: Exception
) -> None:
    metrics.failure = unavailable

    found = await discovered(metrics, noon, alert(service="cart", expr=RULE))

    assert len(counts_of_the_rule(metrics)) == 1
    assert {read.outcome for read in found.reads} == {Outcome.FAILED}
    assert found.discovered.selectors == {}


async def test_what_there_is_is_counted_while_the_metrics_names_are_asked_for(
    metrics: Any, series: MakeSeries, alert: MakeAlert, noon: datetime
) -> None:
    """In sequence each question would add the way to Prometheus and back to every incident."""
    metrics.raw = [series("queue_length", lambda t: 1, service="cart")]
    counted = asyncio.Event()
    answer, names = metrics.query, metrics.label_values

    async def query(expr: str, at: datetime) -> Any:
        if expr.startswith("count by (__name__)"):
            counted.set()
        return await answer(expr, at)

    async def label_values(*given: Any) -> Any:
        await counted.wait()
        return await names(*given)

    metrics.query, metrics.label_values = query, label_values
    found = await discovered(metrics, noon, alert(service="cart"))
    assert not any(read.outcome is Outcome.FAILED for read in found.reads)
