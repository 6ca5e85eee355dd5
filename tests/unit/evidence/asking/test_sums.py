from aiops_processor.clients.prometheus import Metadata
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.scopes import Scope
from aiops_processor.evidence.asking.sums import Sum, summed
from aiops_processor.models.evidence import Gap
from aiops_processor.query import promql


def sums(limits: Limits | None = None, **left: int) -> tuple[list[Sum], list[Gap]]:
    scope = Scope("series of the shop", ('namespace="shop"',), "", tuple(left.items()))
    return summed([scope], {"odd": Metadata("counter")}, "60s", limits or Limits())


def test_what_fits_is_not_added_up() -> None:
    assert sums() == ([], [])


def test_counters_become_rates_that_keep_their_names() -> None:
    (found,), gaps = sums(errors_total=2000, odd=3000)

    assert (found.kind, gaps) == ("rates", [])
    parts = promql.selectors(found.query)
    assert [(each.metric, each.range_seconds) for each in parts] == [("errors_total", 60.0), ("odd", 60.0)]
    assert all(("namespace", "=", "shop") in each.matchers for each in parts)
    assert '"__name__", "odd"' in found.query


def test_gauges_are_one_question() -> None:
    (found,), _ = sums(pool_in_use=2000, queue_length=10)

    assert found.kind == "gauges"
    assert '__name__=~"pool_in_use|queue_length"' in found.query


def test_copies_are_added_up_and_how_requests_ended_is_kept() -> None:
    (found,), _ = sums(errors_total=2000)

    labels = promql.output_labels(found.query)
    assert labels is not None
    assert {"service", "namespace", "code"} <= set(labels)
    assert not {"pod", "instance", "path"} & set(labels)


def test_what_tells_of_trouble_goes_first_and_the_rest_is_a_gap() -> None:
    (found,), (gap,) = sums(Limits(summed=100), app_jobs_done_total=90, request_errors_total=90)

    assert [each.metric for each in promql.selectors(found.query)] == ["request_errors_total"]
    assert "90 series of 1 metrics" in gap.reason
    assert gap.limit == "series"


def test_moments_and_labels_as_values_are_neither_added_up_nor_missed() -> None:
    assert sums(process_start_time_seconds=2000, build_info=2000) == ([], [])


def test_of_a_native_histogram_prometheus_adds_up_count_and_sum() -> None:
    scope = Scope("series of the shop", ('namespace="shop"',), "", (("latency_seconds", 2000),))
    (found,), gaps = summed([scope], {"latency_seconds": Metadata("histogram")}, "60s", Limits())

    assert (found.kind, found.metrics, gaps) == ("rates", ("latency_seconds",), [])
    assert [each.metric for each in promql.selectors(found.query)] == ["latency_seconds"] * 2
    for part in ("count", "sum"):
        assert f"histogram_{part}(sum by" in found.query
        assert f'"__name__", "latency_seconds_{part}"' in found.query
