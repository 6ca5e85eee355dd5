"""The replay against the installed Prometheus, which has the same samples: same labels, same values, same errors."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor.demo.recording import Recording

Ask = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]

RULES = [
    "increase(container_restarts_total[1m]) > 3",
    "db_pool_in_use / db_pool_size >= 0.9",
    'sum by (service, namespace) (rate(http_requests_total{code=~"5..",job="shop"}[20s])) '
    '/ sum by (service, namespace) (rate(http_requests_total{job="shop"}[20s])) > 0.05',
    "histogram_quantile(0.95, sum by (le, service, namespace) "
    '(rate(http_request_duration_seconds_bucket{job="shop"}[20s]))) > 0.4',
    'process_resident_memory_bytes{job="shop"} / on (service) group_left () memory_limit_bytes{job="shop"} > 0.6',
    'node_load1{job="node"} > 50',
    'up{job="shop"} == 0',
    "vector(1)",
]
SELECTORS = [
    "up",
    'up{service!=""}',
    'http_requests_total{code=~"5..|404",service!~"gate.*"}',
    '{__name__=~"http_.*_count"}',
    'up{service=""}',
    "up offset 30s",
    "up offset -10s",
    "up @ 1795418700",
    "up @ end() offset 1m",
    "nosuch",
]
RATES = [
    "rate(http_requests_total[20s])",
    "rate(http_requests_total[3s])",
    "rate(http_requests_total[10m])",
    "rate(http_requests_total[1m] offset 90s)",
    "rate(http_requests_total[1m] @ start())",
    "increase(http_requests_total[1m])",
    "irate(http_requests_total[1m])",
    "delta(process_resident_memory_bytes[1m])",
    "idelta(process_resident_memory_bytes[1m])",
    "deriv(process_resident_memory_bytes[1m])",
    "predict_linear(process_resident_memory_bytes[1m], 3600)",
    "changes(process_resident_memory_bytes[2m])",
    "resets(go_memstats_alloc_bytes[5m])",
    "rate(go_memstats_alloc_bytes[2m])",  # a gauge: full of resets
]
OVER_TIME = [
    *(
        f"{name}_over_time(go_memstats_alloc_bytes[1m])"
        for name in ("avg", "min", "max", "sum", "count", "last", "stddev", "stdvar", "present")
    ),
    "quantile_over_time(0.9, go_memstats_alloc_bytes[1m])",
    "quantile_over_time(2, up[1m])",
    'avg_over_time({job="shop",__name__=~"go_gc_duration_seconds|up"}[1m])',
    'absent_over_time(nosuch{a="b"}[1m])',
    'absent_over_time(up{job="shop"}[1m])',
    "max_over_time(rate(http_requests_total[20s])[2m:10s])",
    "avg_over_time(up[1m:])",
    "sum_over_time(vector(1)[1m:7s])",
    "max_over_time(up[1m:5s] offset 20s)",
    "max_over_time((up * 2)[1m:5s] @ 1795418700)",
    "quantile_over_time(0.5, rate(http_requests_total[20s])[2m:10s])",
]
AGGREGATIONS = [
    *(
        f"{name} by (job) (go_memstats_alloc_bytes)"
        for name in ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
    ),
    "sum(up)",
    "sum without (instance, service) (http_requests_total)",
    "sum by (nosuch) (up)",
    "quantile by (job) (0.9, go_memstats_alloc_bytes)",
    "quantile(-1, up)",
    'count_values("value", up)',
    'count_values by (job) ("value", go_goroutines)',
    "topk(3, go_memstats_alloc_bytes)",
    "topk by (job) (1, go_memstats_alloc_bytes)",
    "bottomk(2, process_cpu_seconds_total)",
    "topk(0, up)",
    "sum(nosuch)",
]
HISTOGRAMS = [
    "histogram_quantile(0.5, http_request_duration_seconds_bucket)",
    "histogram_quantile(0.99, rate(http_request_duration_seconds_bucket[1m]))",
    "histogram_quantile(0.9, sum by (le) (rate(prometheus_http_request_duration_seconds_bucket[1m])))",
    "histogram_quantile(1.5, http_request_duration_seconds_bucket)",
    'histogram_quantile(0.5, http_request_duration_seconds_bucket{le!="+Inf"})',
    "histogram_quantile(0.5, up)",
]
BINARY = [
    "1 + 2 * 3 ^ 2 % 5",
    "-up",
    "-(2 ^ 2)",
    "up * 100",
    "100 - up",
    "up > 0",
    "0 < up",
    "up == bool 1",
    "1 > bool 2",
    "up / 0",
    "(up - 1) / 0",
    "process_resident_memory_bytes / on (instance, job) go_goroutines",
    "process_resident_memory_bytes > on (instance, job) go_memstats_alloc_bytes",
    "process_resident_memory_bytes > bool on (instance, job) go_memstats_alloc_bytes",
    "http_requests_total / ignoring (code, route, version) group_left () up",
    "up * on (instance) group_right () http_requests_total",
    'http_requests_total * on (service) group_left (team) up{job="shop"}',
    'http_requests_total and on (service) up{service="db"}',
    "up or vector(1)",
    'up{job="shop"} or up{job="node"}',
    'up unless on (job) up{job="shop"}',
    "up and ignoring (instance) up",
    'http_requests_total{code="200"} - ignoring (code) http_requests_total{code="502"}',
    "vector(1) == vector(2)",
]
FUNCTIONS = [
    *(
        f"{name}(go_memstats_gc_cpu_fraction - 0.00001)"
        for name in ("abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "round", "sin", "atan", "deg")
    ),
    "round(process_cpu_seconds_total, 0.5)",
    "clamp(process_cpu_seconds_total, 1, 3)",
    "clamp(up, 3, 1)",
    "clamp_min(up, 2)",
    "clamp_max(up, 0.5)",
    'absent(nosuch{a="b",c=~"d"})',
    "absent(up)",
    "absent(sum(nosuch))",
    'label_replace(up, "port", "$1", "instance", ".*:(.+)")',
    'label_replace(up, "job", "", "job", ".*")',
    'label_join(up, "both", "-", "job", "instance")',
    "time()",
    "timestamp(up)",
    "timestamp(up offset 20s)",
    "timestamp(up + 1)",
    "vector(time())",
    'scalar(up{service="db"})',
    "scalar(up)",
    "sort(go_goroutines)",
    "sort_desc(go_goroutines)",
    *(
        f"{name}(timestamp(up))"
        for name in ("hour", "minute", "month", "year", "day_of_month", "day_of_week", "day_of_year", "days_in_month")
    ),
    "hour()",
]
INSTANT_ONLY = ["up[20s]", "up[20s] offset 1m", "rate(http_requests_total[20s])[1m:10s]", '"text"', "up[30s:]"]
ERRORS = [
    "sum(rate(x[5m])",
    "up[5m]+1",
    "rate(up)",
    "nosuch(up)",
    'up{job=~"(["}',
    "{}",
    "up / on (job) process_cpu_seconds_total",
    "up * on (job) up",
    "http_requests_total / on (service) up",
    'up * on (job) group_left (instance) up{job="node"} * on (job) up',
    'rate({job="shop"}[1m])',
    'label_replace(up, "instance", "", "instance", ".*")',
    'label_replace(up, "a-b", "x", "job", ".*")',
    'label_replace(up, "a", "x", "job", "(")',
    "topk(NaN, up)",
    "1 > 2",
    "up and 1",
    "",
]
BOTH = [*RULES, *SELECTORS, *RATES, *OVER_TIME, *AGGREGATIONS, *HISTOGRAMS, *BINARY, *FUNCTIONS]


@pytest.mark.parametrize("query", [*BOTH, *INSTANT_ONLY])
def test_an_instant_query_gives_what_prometheus_gives(
    query: str, real: Ask, replayed: Ask, as_installed: Recording
) -> None:
    parameters = {"query": query, "time": as_installed.end - 80.123}
    theirs, ours = real("query", parameters), replayed("query", parameters)
    assert ours[0] == theirs[0] == 200, ours
    ordered = query.startswith(("sort", "topk(3", "bottomk(2"))
    _assert_same(ours[1]["data"], theirs[1]["data"], ordered=ordered)


@pytest.mark.parametrize("query", BOTH)
def test_a_range_query_gives_what_prometheus_gives(
    query: str, real: Ask, replayed: Ask, as_installed: Recording
) -> None:
    """From before the first sample to after the last one."""
    start, end = as_installed.start - 20, as_installed.end + 30
    parameters = {"query": query, "start": start, "end": end, "step": "7.3"}
    theirs, ours = real("query_range", parameters), replayed("query_range", parameters)
    assert ours[0] == theirs[0] == 200, ours
    _assert_same(ours[1]["data"], theirs[1]["data"])


@pytest.mark.parametrize("query", ERRORS)
def test_a_query_that_prometheus_refuses_is_refused_in_the_same_way(
    query: str, real: Ask, replayed: Ask, as_installed: Recording
) -> None:
    parameters = {"query": query, "time": as_installed.end - 80}
    theirs, ours = real("query", parameters), replayed("query", parameters)
    assert (ours[0], ours[1].get("errorType")) == (theirs[0], theirs[1].get("errorType")), (ours, theirs)


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("series", {"match[]": ['up{job="shop"}', "db_pool_size"]}),
        ("labels", {"match[]": "http_requests_total"}),
        ("labels", {}),
        ("label/service/values", {}),
        ("label/__name__/values", {"match[]": '{job="shop"}'}),
        ("label/nosuch/values", {}),
        ("query_range", {"query": "up", "start": "10", "end": "1", "step": "1"}),
        ("query_range", {"query": "up", "start": "1", "end": "10", "step": "0"}),
        ("query_range", {"query": "up", "start": "1", "end": "10"}),
        ("query_range", {"query": "up", "end": "10", "step": "1"}),
        ("query_range", {"query": "up[5m]", "start": "1", "end": "10", "step": "1"}),
        ("query_range", {"query": '"text"', "start": "1", "end": "10", "step": "1"}),
        ("query_range", {"query": "up", "start": "1", "end": "100000", "step": "1s"}),
        ("query", {"query": "up", "time": "yesterday"}),
        ("query", {"query": "up", "time": "2026-11-23T07:25:00.5Z"}),
        ("series", {}),
        ("label/a-b/values", {}),
    ],
)
def test_what_is_not_promql_is_answered_the_same(
    path: str, parameters: dict[str, Any], real: Ask, replayed: Ask, as_installed: Recording
) -> None:
    if path not in {"query", "query_range"}:
        parameters = {"start": as_installed.start, "end": as_installed.end + 1, **parameters}
    theirs, ours = real(path, parameters), replayed(path, parameters)
    assert _unordered(ours) == _unordered(theirs)


def _unordered(answer: tuple[int, dict[str, Any]]) -> Any:
    status, body = answer
    data = body.get("data")
    if isinstance(data, list):
        data = sorted(data, key=lambda item: sorted(item.items()) if isinstance(item, dict) else item)
    if isinstance(data, dict) and isinstance(data.get("result"), list):
        data = sorted(data["result"], key=_labels)
    return status, body.get("errorType"), body.get("error"), data


def _assert_same(ours: dict[str, Any], theirs: dict[str, Any], *, ordered: bool = False) -> None:
    assert ours["resultType"] == theirs["resultType"]
    if ours["resultType"] in {"scalar", "string"}:
        return _assert_pair(ours["result"], theirs["result"])
    mine, other = ours["result"], theirs["result"]
    if not ordered:
        mine, other = sorted(mine, key=_labels), sorted(other, key=_labels)
    assert [row["metric"] for row in mine] == [row["metric"] for row in other]
    for row, wanted in zip(mine, other, strict=True):
        pairs, expected = row.get("values") or [row["value"]], wanted.get("values") or [wanted["value"]]
        assert [pair[0] for pair in pairs] == [pair[0] for pair in expected], row["metric"]
        for pair, real_pair in zip(pairs, expected, strict=True):
            _assert_pair(pair, real_pair)
    return None


def _assert_pair(ours: list[Any], theirs: list[Any]) -> None:
    assert ours[0] == theirs[0]
    if ours[1] == theirs[1]:
        return
    assert math.isclose(float(ours[1]), float(theirs[1]), rel_tol=1e-9), (ours, theirs)


def _labels(row: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted(row["metric"].items())
