from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from aiops_processor.evidence.ranking.kinds import Trouble, trouble_of
from aiops_processor.evidence.rows import rates
from aiops_processor.evidence.rows.measure import Row, Table, measure
from aiops_processor.models.samples import Series
from aiops_processor.query import promql

MakeSeries = Callable[..., Series]
NOON = 1769860800.0
EDGES = rates.grid(NOON - 79 * 15, NOON, 15, 720)


def table_of(*series: Series) -> Table:
    return measure(list(series), {}, EDGES)


def row_of(table: Table, kind: str, entity: str) -> tuple[Row, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    (index,) = [i for i, row in enumerate(table.rows) if (row.kind, row.entity) == (kind, entity)]
    return table.rows[index], table.values[index]


def test_the_share_of_failed_requests_is_measured(series: MakeSeries) -> None:
    ok = series("http_requests_total", lambda t: 10 * (t + 2000), service="cart", code="200")
    bad = series("http_requests_total", lambda t: 30 * max(0.0, t), service="cart", code="500")

    row, values = row_of(table_of(ok, bad), "http_requests_total failed share", "cart")

    assert values[10] == pytest.approx(0)
    assert np.nanmedian(values[-6:]) == pytest.approx(75)
    assert row.unit == "%"
    assert 'code=~"500"' in row.query


def test_a_counter_that_appears_in_the_incident_was_zero_before(series: MakeSeries) -> None:
    up = series("up", lambda t: 1, service="cart")
    bad = series("http_requests_total", lambda t: 5 * t, service="cart", code="500")
    late = Series(bad.labels, [point for point in bad.points if point[0] > NOON - 100])

    _, values = row_of(table_of(up, late), "http_requests_total failed", "cart")

    assert values[10] == 0
    assert np.nanmedian(values[-5:]) == pytest.approx(5)


def test_a_target_that_is_gone_does_not_answer(series: MakeSeries) -> None:
    up = series("up", lambda t: 1, service="cart")
    gone = Series(up.labels, up.points[:-10])

    _, values = row_of(table_of(gone), "up", "cart")

    assert values[5] == 1
    assert values[-1] == 0


def test_the_counters_of_a_dead_target_are_unknown_not_zero(series: MakeSeries) -> None:
    up = series("up", lambda t: 1 if t < 0 else 0, service="cart")
    ok = series("jobs_total", lambda t: 10 * (t + 2000), service="cart")
    stopped = Series(ok.labels, [point for point in ok.points if point[0] < NOON - 120])

    _, values = row_of(table_of(up, stopped), "jobs_total", "cart")

    assert np.isnan(values[-4:]).all()


def test_a_rolling_restart_is_not_a_change_of_traffic(series: MakeSeries) -> None:
    def pod(name: str, first: float, last: float) -> Series:
        whole = series("jobs_total", lambda t: 10 * (t + 2000), service="cart", pod=name, instance=name)
        return Series(whole.labels, [point for point in whole.points if first <= point[0] - NOON <= last])

    _, values = row_of(table_of(pod("cart-1", -2000, -300), pod("cart-2", -299, 0)), "jobs_total", "cart")

    assert np.nanmedian(values[:50]) == pytest.approx(np.nanmedian(values[-10:]), rel=0.05)


def test_calls_that_fail_are_about_the_callee(series: MakeSeries) -> None:
    db = series("up", lambda t: 1, service="db")
    calls = series("client_calls_total", lambda t: t + 2000, service="cart", server="db", outcome="error")

    row, _ = row_of(table_of(db, calls), "client_calls_total failed", "db")

    assert row.call == ("cart", "db")


def test_histograms_are_read_as_their_mean(series: MakeSeries) -> None:
    count = series("request_seconds_count", lambda t: 10 * (t + 2000), service="cart")
    total = series("request_seconds_sum", lambda t: 10 * (t + 2000) * 0.2 + max(0, t) * 8, service="cart")

    row, values = row_of(table_of(count, total), "request_seconds mean", "cart")

    assert values[10] == pytest.approx(0.2)
    assert np.nanmedian(values[-5:]) == pytest.approx(1.0)
    assert row.unit == "s"


def test_noise_moments_infos_and_nan_are_no_measures(series: MakeSeries) -> None:
    table = table_of(
        series("go_goroutines", lambda t: t, service="cart"),
        series("cart_build_info", lambda t: 1, service="cart"),
        series("process_start_time_seconds", lambda t: NOON, service="cart"),
        series("broken", lambda t: float("nan"), service="cart"),
    )

    assert table.rows == ()
    assert table.values.shape[0] == 0


def test_every_row_has_a_query_that_parses_whatever_the_labels_hold(series: MakeSeries) -> None:
    evil = 'a"} or {__name__=~".+'
    table = table_of(
        series("jobs_total", lambda t: t + 2000, service=evil),
        series("http_requests_total", lambda t: t + 2000, service=evil, code=evil + "5"),
        series("queue_length", lambda t: t, service=evil, queue="b\\\n"),
    )

    for row in table.rows:
        promql.parse(row.query)
        assert {each.metric for each in promql.selectors(row.query)} <= {
            "jobs_total",
            "http_requests_total",
            "queue_length",
        }


def test_the_time_between_two_services_is_what_the_caller_waited_less_what_the_callee_took(series: MakeSeries) -> None:
    def seconds(view: str, each: float) -> list[Series]:
        pair = {"client": "web", "server": "cart", "service": "tempo"}
        base = f"traces_service_graph_request_{view}_seconds"
        counted = series(f"{base}_count", lambda t: 10 * (t + 2000), **pair)
        return [series(f"{base}_sum", lambda t: 10 * each * (t + 2000), **pair), counted]

    table = table_of(*seconds("client", 0.5), *seconds("server", 0.2))

    row, values = row_of(table, "edge latency traces_service_graph_request_client_seconds", "cart")
    assert row.call == ("web", "cart")
    assert np.nanmedian(values) == pytest.approx(0.3)
    assert promql.parse(row.query)
    assert trouble_of(row.kind) is Trouble.NETWORK


def test_what_a_client_sees_is_held_against_the_server_that_it_names(series: MakeSeries) -> None:
    def seconds(view: str, each: float, **labels: str) -> list[Series]:
        base = f"http_{view}_request_duration_seconds"
        counted = series(f"{base}_count", lambda t: 10 * (t + 2000), **labels)
        return [series(f"{base}_sum", lambda t: 10 * each * (t + 2000), **labels), counted]

    table = table_of(
        *seconds("client", 0.5, service="web", server_address="cart"), *seconds("server", 0.2, service="cart")
    )

    _, values = row_of(table, "edge latency http_client_request_duration_seconds", "cart")
    assert np.nanmedian(values) == pytest.approx(0.3)


def test_both_sides_of_a_mesh_are_not_added_up(series: MakeSeries) -> None:
    def calls(reporter: str, code: str, rate: float) -> Series:
        pair = {"source_workload": "web", "destination_workload": "cart", "reporter": reporter}
        return series("istio_requests_total", lambda t: rate * (t + 2000), response_code=code, **pair)

    table = table_of(*(calls(side, code, 10) for side in ("source", "destination") for code in ("200", "503")))

    failed = [(row, values) for row, values in zip(table.rows, table.values, strict=True) if "failed" in row.kind]
    assert {row.call for row, _ in failed} == {("web", "cart")}
    assert {row.entity for row, _ in failed} == {"cart"}
    assert [np.nanmedian(values) for row, values in failed if row.unit == "/s"] == pytest.approx([10, 10])


def test_failed_calls_of_a_service_graph_are_about_the_callee(series: MakeSeries) -> None:
    pair = {"client": "web", "server": "cart", "service": "tempo"}
    table = table_of(
        series("traces_service_graph_request_total", lambda t: 10 * (t + 2000), **pair),
        series("traces_service_graph_request_failed_total", lambda t: 5 * (t + 2000), **pair),
    )

    assert {(row.kind, row.entity) for row in table.rows} == {
        ("traces_service_graph_request_total", "web"),
        ("traces_service_graph_request_failed_total", "cart"),
    }


def test_a_native_histogram_is_shown_by_the_queries_that_prometheus_has_for_it(series: MakeSeries) -> None:
    parts = [
        msgspec.structs.replace(series(f"latency_seconds_{part}", value, service="cart"), native=True)
        for part, value in (("count", lambda t: 10 * (t + 2000)), ("sum", lambda t: 5 * (t + 2000)))
    ]

    row, values = row_of(table_of(*parts), "latency_seconds mean", "cart")

    assert np.nanmedian(values) == pytest.approx(0.5)
    assert "histogram_sum(sum(rate(latency_seconds{" in row.query
    assert "histogram_count(sum(rate(latency_seconds{" in row.query
    assert {each.metric for each in promql.selectors(row.query)} == {"latency_seconds"}
