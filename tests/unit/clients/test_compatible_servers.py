"""Answers as Mimir, Thanos and VictoriaMetrics give them: bodies as in their documentation and source."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import httpx2
import pytest

from aiops_processor.clients.http import Endpoint, Retries
from aiops_processor.clients.prometheus import Prometheus, Rule
from aiops_processor.errors import SourceRefused, SourceUnavailable
from aiops_processor.models.samples import Series

pytestmark = pytest.mark.anyio

Network = Callable[..., httpx2.MockTransport]
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def answer(status: int, body: object) -> httpx2.Response:
    text = body if isinstance(body, str) else json.dumps(body)
    return httpx2.Response(status, text=text)


async def test_a_partial_answer_of_thanos_carries_its_warning(endpoint: Endpoint, answering: Network) -> None:
    said = "receive series from Addr: store-1:10901 MinTime: 0 MaxTime: 9: rpc error: code = Unavailable"
    body = {"status": "success", "data": {"resultType": "matrix", "result": []}, "warnings": [said]}
    found = await Prometheus(endpoint, answering(answer(200, body))).query_range("up", AT, AT, 15)
    assert (found.data, found.warnings) == ([], (said,))


async def test_the_rules_of_thanos_are_read(endpoint: Endpoint, answering: Network) -> None:
    rule = {"type": "alerting", "name": "Down", "query": "up == 0", "duration": 60, "labels": {"replica": "a"}}
    group = {"name": "g", "file": "f", "partialResponseStrategy": "ABORT", "rules": [rule], "limit": 0}
    empty = {"name": "empty", "rules": None}
    body = {"status": "success", "data": {"groups": [group, empty]}}
    found = await Prometheus(endpoint, answering(answer(200, body))).rules()
    assert found.data == [Rule("Down", "up == 0", "alerting", {"replica": "a"}, {}, 60.0, "g")]


@pytest.mark.parametrize("body", ['{"status":"success","data":{}}', '{"status":"success","data":{"groups":null}}'])
async def test_no_groups_are_no_rules(endpoint: Endpoint, answering: Network, body: str) -> None:
    assert (await Prometheus(endpoint, answering(answer(200, body))).rules()).data == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, 'unsupported path requested: "/api/v1/rules"'),
        (404, "404 page not found\n"),
        (404, "<html>not here</html>"),
        (501, {"status": "error", "errorType": "internal", "error": "not implemented"}),
    ],
)
async def test_a_server_without_rules_is_no_broken_server(
    endpoint: Endpoint, answering: Network, status: int, body: object
) -> None:
    client = Prometheus(endpoint, answering(answer(status, body)))
    rules, metadata = await client.rules(), await client.metadata()
    assert (rules.data, metadata.data) == ([], {})
    assert "another program evaluates them" in rules.warnings[0]
    assert "has no metadata" in metadata.warnings[0]


async def test_a_server_that_refuses_us_is_not_one_without_rules(endpoint: Endpoint, answering: Network) -> None:
    with pytest.raises(SourceRefused, match="set PROMETHEUS_TOKEN"):
        await Prometheus(endpoint, answering(answer(401, ""))).rules()


async def test_a_tenant_that_is_missing_is_named(endpoint: Endpoint, answering: Network) -> None:
    with pytest.raises(SourceRefused, match="set PROMETHEUS_TENANT"):
        await Prometheus(endpoint, answering(answer(401, "no org id\n"))).query("up", AT)


@pytest.mark.parametrize("status", [400, 422])
async def test_a_limit_of_mimir_is_a_refusal_in_its_own_words(
    endpoint: Endpoint, answering: Network, status: int
) -> None:
    said = (
        "the query exceeded the maximum number of series (limit: 5 series) (err-mimir-max-series-per-query). "
        "Consider reducing the time range and/or number of series selected by the query."
    )
    body = {"status": "error", "errorType": "execution", "error": said}
    with pytest.raises(SourceRefused, match="err-mimir-max-series-per-query"):
        await Prometheus(endpoint, answering(answer(status, body))).series(["up"], AT, AT)


async def test_too_many_requests_are_waited_for(
    endpoint: Endpoint, answering: Network, retries: Retries, waited: list[float]
) -> None:
    limited = httpx2.Response(429, headers={"Retry-After": "2"}, text="the request has been rejected (err-mimir-...)")
    fine = answer(200, {"status": "success", "data": []})
    assert (await Prometheus(endpoint, answering(limited, fine), retries).labels()).data == []
    assert waited == [2.0]
    with pytest.raises(SourceUnavailable, match="answered 429"):
        await Prometheus(endpoint, answering(limited), retries).labels()


async def test_the_partial_answer_of_victoriametrics_is_said(endpoint: Endpoint, answering: Network) -> None:
    row = {"metric": {"__name__": "up"}, "value": [1769860800, "1"]}
    stats = {"seriesFetched": "1", "executionTimeMsec": 2}
    body = {
        "status": "success",
        "isPartial": True,
        "data": {"resultType": "vector", "result": [row]},
        "stats": stats,
    }
    found = await Prometheus(endpoint, answering(answer(200, body))).query("up", AT)
    assert found.data == [Series({"__name__": "up"}, [(1769860800.0, 1.0)])]
    assert found.warnings == ("the answer is partial: some of the storage did not answer",)
    assert found.infos == ()


async def test_a_scalar_that_is_a_vector_proves_health(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    one = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "1"]}]}}
    unsupported = answer(400, 'unsupported path requested: "/-/healthy"')
    await Prometheus(endpoint, answering(unsupported, answer(200, one))).healthy()
    assert asked[-1].url.path == "/prefix/api/v1/query"


async def test_the_error_of_victoriametrics_is_a_refusal(endpoint: Endpoint, answering: Network) -> None:
    body = {"status": "error", "errorType": "422", "error": "cannot parse query: unexpected end"}
    with pytest.raises(SourceRefused, match="unexpected end"):
        await Prometheus(endpoint, answering(answer(422, body))).query("up{", AT)


@pytest.mark.parametrize(
    "data",
    [
        {"version": "2.24.0"},
        {"application": "Grafana Mimir", "version": "2.24.0", "features": {"ruler_config_api": "true"}},
    ],
)
async def test_the_version_is_read_wherever_it_stands(endpoint: Endpoint, answering: Network, data: object) -> None:
    body = {"status": "success", "data": data}
    assert await Prometheus(endpoint, answering(answer(200, body))).version() == "2.24.0"


async def test_a_server_that_does_not_say_its_version_has_none(endpoint: Endpoint, answering: Network) -> None:
    body = {"status": "success", "data": {}}
    assert await Prometheus(endpoint, answering(answer(200, body))).version() == ""


async def test_the_path_prefixes_of_mimir_and_of_a_cluster_are_kept(
    answering: Network, asked: list[httpx2.Request]
) -> None:
    labels = answer(200, {"status": "success", "data": []})
    for url in ("http://mimir:8080/prometheus", "http://vmselect:8481/select/0/prometheus/"):
        await Prometheus(Endpoint(url=url, tenant="team"), answering(labels)).labels()
    assert [each.url.path for each in asked] == [
        "/prometheus/api/v1/labels",
        "/select/0/prometheus/api/v1/labels",
    ]
    assert asked[0].headers["X-Scope-OrgID"] == "team"


async def test_a_named_source_is_named_with_its_place_in_the_file(endpoint: Endpoint, answering: Network) -> None:
    client = Prometheus(endpoint, answering(answer(401, "")), name="prometheus/europe")
    with pytest.raises(SourceRefused, match=r"^prometheus/europe at .*set prometheus.token of source europe or"):
        await client.labels()
