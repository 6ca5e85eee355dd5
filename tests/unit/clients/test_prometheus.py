"""The questions that Prometheus is asked, and how its answers come out."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx2
import pytest

from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.prometheus import Metadata, Prometheus, Rule
from aiops_processor.errors import SourceRefused, SourceUnavailable
from aiops_processor.models.samples import Series

pytestmark = pytest.mark.anyio

Network = Callable[..., httpx2.MockTransport]
AT = datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)


def success(data: object) -> httpx2.Response:
    return httpx2.Response(200, json={"status": "success", "data": data})


def form(request: httpx2.Request) -> dict[str, list[str]]:
    return parse_qs(request.content.decode() or request.url.query.decode())


async def test_an_instant_query_is_a_form(endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]) -> None:
    answer = success({"resultType": "vector", "result": [{"metric": {"job": "a"}, "value": [1, "2"]}]})
    found = await Prometheus(endpoint, answering(answer)).query('up{a="&"}', AT)
    assert found.data == [Series({"job": "a"}, [(1.0, 2.0)])]
    assert (asked[0].method, asked[0].url.path) == ("POST", "/prefix/api/v1/query")
    assert form(asked[0]) == {"query": ['up{a="&"}'], "time": ["1769860800.250"]}


async def test_a_range_query_has_start_end_and_step(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    answer = success({"resultType": "matrix", "result": []})
    await Prometheus(endpoint, answering(answer)).query_range("up", AT, AT + timedelta(minutes=1), 15)
    assert form(asked[0]) == {
        "query": ["up"],
        "start": ["1769860800.250"],
        "end": ["1769860860.250"],
        "step": ["15.000"],
    }


async def test_a_time_without_a_zone_is_refused_before_it_is_asked(endpoint: Endpoint, answering: Network) -> None:
    with pytest.raises(TypeError):
        await Prometheus(endpoint, answering(success({}))).query("up", AT.replace(tzinfo=None))


async def test_series_are_asked_for_with_a_limit(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    client = Prometheus(endpoint, answering(success([{"__name__": "up"}])))
    answer = await client.series(["up", 'x{a="b"}'], AT, AT, limit=7)
    assert (answer.data, answer.warnings) == ([{"__name__": "up"}], ())
    assert asked[0].method == "POST"
    assert (form(asked[0])["match[]"], form(asked[0])["limit"]) == (["up", 'x{a="b"}'], ["7"])


async def test_an_old_server_that_knows_no_limit_is_cut_off_with_a_warning(
    endpoint: Endpoint, answering: Network
) -> None:
    client = Prometheus(endpoint, answering(success([{"a": str(i)} for i in range(5)])))
    answer = await client.series(["up"], AT, AT, limit=2)
    assert (answer.data, answer.warnings) == ([{"a": "0"}, {"a": "1"}], ("cut off at 2 of 5 series",))


async def test_label_names_and_values_take_selectors_and_times(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    client = Prometheus(endpoint, answering(success(["a", "b"])))
    assert (await client.labels()).data == ["a", "b"]
    assert (await client.label_values("service", ["up"], AT, AT)).data == ["a", "b"]
    await client.label_values("k8s/../pod.name")
    assert [str(request.url) for request in asked] == [
        "http://prom.example:9090/prefix/api/v1/labels",
        "http://prom.example:9090/prefix/api/v1/label/service/values"
        "?start=1769860800.250&end=1769860800.250&match%5B%5D=up",
        "http://prom.example:9090/prefix/api/v1/label/k8s%2F..%2Fpod.name/values",
    ]


async def test_metadata_is_the_first_entry_of_each_metric(endpoint: Endpoint, answering: Network) -> None:
    data = {"a": [{"type": "counter", "help": "A", "unit": ""}, {"type": "gauge"}], "b": []}
    answer = await Prometheus(endpoint, answering(success(data))).metadata()
    assert answer.data == {"a": Metadata("counter", "A", "")}


async def test_rules_of_both_kinds_are_read(endpoint: Endpoint, answering: Network) -> None:
    alerting = {
        "type": "alerting",
        "name": "Down",
        "query": "up == 0",
        "duration": 60,
        "labels": {"severity": "page"},
        "annotations": {"summary": "s"},
        "alerts": [{"state": "firing"}],
    }
    recording = {"type": "recording", "name": "a:b", "query": "sum(b)", "labels": None}
    data = {"groups": [{"name": "g", "file": "f", "interval": 15, "rules": [alerting, recording]}]}
    answer = await Prometheus(endpoint, answering(success(data))).rules()
    assert answer.data == [
        Rule("Down", "up == 0", "alerting", {"severity": "page"}, {"summary": "s"}, 60.0, "g", 15.0),
        Rule("a:b", "sum(b)", "recording", {}, {}, 0.0, "g", 15.0),
    ]


async def test_the_version_is_the_servers_own_word(endpoint: Endpoint, answering: Network) -> None:
    assert await Prometheus(endpoint, answering(success({"version": "3.5.3", "branch": "x"}))).version() == "3.5.3"


async def test_a_server_without_a_health_page_is_asked_a_query(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    scalar = success({"resultType": "scalar", "result": [1, "1"]})
    await Prometheus(endpoint, answering(httpx2.Response(404, text="not found"), scalar)).healthy()
    assert [request.url.path for request in asked] == ["/prefix/-/healthy", "/prefix/api/v1/query"]


async def test_a_healthy_server_is_asked_once(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    await Prometheus(endpoint, answering(httpx2.Response(200, text="Prometheus Server is Healthy.\n"))).healthy()
    assert len(asked) == 1


async def test_a_server_that_wants_credentials_is_not_healthy(endpoint: Endpoint, answering: Network) -> None:
    with pytest.raises(SourceRefused, match="set PROMETHEUS_TOKEN"):
        await Prometheus(endpoint, answering(httpx2.Response(401))).healthy()


async def test_a_server_that_is_down_is_not_healthy(endpoint: Endpoint, answering: Network) -> None:
    client = Prometheus(endpoint, answering(httpx2.Response(503, headers={"Retry-After": "99"})))
    with pytest.raises(SourceUnavailable):
        await client.healthy()


async def test_after_closing_nothing_is_asked(endpoint: Endpoint, answering: Network) -> None:
    client = Prometheus(endpoint, answering(success([])))
    await client.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await client.labels()
