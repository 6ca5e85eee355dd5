"""The questions that Loki is asked, and how its answers come out."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx2
import pytest

from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.loki import Loki
from aiops_processor.errors import SourceRefused, SourceUnreadable
from aiops_processor.models.samples import Entry, Series, Stream

pytestmark = pytest.mark.anyio

Network = Callable[..., httpx2.MockTransport]
START = datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=UTC)
END = START + timedelta(minutes=1)


def success(**data: object) -> httpx2.Response:
    return httpx2.Response(200, json={"status": "success", **data})


def parameters(request: httpx2.Request) -> dict[str, list[str]]:
    return parse_qs(request.url.query.decode())


async def test_a_log_query_asks_for_categorized_labels_in_nanoseconds(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    data = {"resultType": "streams", "result": [{"stream": {"app": "a"}, "values": [["5", "x"]]}]}
    answer = await Loki(endpoint, answering(success(data=data))).query_range('{app="a"}', START, END, 10, "forward")
    assert answer.data == [Stream({"app": "a"}, [Entry(5, "x")])]
    assert asked[0].headers["x-loki-response-encoding-flags"] == "categorize-labels"
    assert (asked[0].method, asked[0].url.path) == ("GET", "/prefix/loki/api/v1/query_range")
    assert parameters(asked[0]) == {
        "query": ['{app="a"}'],
        "start": ["1769860800123456000"],
        "end": ["1769860860123456000"],
        "limit": ["10"],
        "direction": ["forward"],
    }


async def test_a_metric_query_has_a_step(endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]) -> None:
    data = {"resultType": "matrix", "result": [{"metric": {"a": "b"}, "values": [[1.5, "2"]]}]}
    answer = await Loki(endpoint, answering(success(data=data))).query_metric("rate(…)", START, END, 30)
    assert answer.data == [Series({"a": "b"}, [(1.5, 2.0)])]
    assert parameters(asked[0])["step"] == ["30.000"]


async def test_a_scalars_time_is_in_milliseconds_and_a_vectors_in_seconds(
    endpoint: Endpoint, answering: Network
) -> None:
    scalar = success(data={"resultType": "scalar", "result": [1795412549345, "2"]})
    vector = success(data={"resultType": "vector", "result": [{"metric": {}, "value": [1795412549.345, "2"]}]})
    client = Loki(endpoint, answering(scalar, vector))
    for _ in range(2):
        [found] = (await client.query("1+1", START)).data
        assert found.points == [(pytest.approx(1795412549.345), 2.0)]


async def test_a_query_that_is_too_long_for_an_address_is_a_form(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    client = Loki(endpoint, answering(success(data={"resultType": "streams", "result": []})))
    await client.query_range('{app=~"' + "x|" * 1500 + '"}', START, END)
    assert asked[0].method == "POST"
    assert asked[0].headers["x-loki-response-encoding-flags"] == "categorize-labels"


async def test_selectors_that_are_too_long_for_an_address_are_a_form(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    client = Loki(endpoint, answering(success(data=[{"app": "a"}])))
    selectors = ["{" + f'{name}=~"' + "x|" * 600 + '"}' for name in ("app", "pod")]
    assert (await client.series(selectors, START, END)).data == [{"app": "a"}]
    assert asked[0].method == "POST"
    assert parse_qs(asked[0].content.decode())["match[]"] == selectors


async def test_what_no_address_can_hold_is_refused_in_our_words(endpoint: Endpoint, answering: Network) -> None:
    client = Loki(endpoint, answering(success(data=["a"])))
    with pytest.raises(SourceRefused, match="too long for an address"):
        await client.labels(START, END, '{a="' + "x" * 70_000 + '"}')


async def test_no_hits_are_an_empty_list(endpoint: Endpoint, answering: Network) -> None:
    client = Loki(endpoint, answering(success()))
    assert (await client.label_values("app", START, END)).data == []
    assert (await client.labels(START, END)).data == []
    assert (await client.series(['{a="b"}'], START, END)).data == []


async def test_null_is_not_an_empty_list(endpoint: Endpoint, answering: Network) -> None:
    with pytest.raises(SourceUnreadable):
        await Loki(endpoint, answering(success(data=None))).label_values("app", START, END)


async def test_labels_and_values_take_a_selector(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    client = Loki(endpoint, answering(success(data=["a"])))
    assert (await client.labels(START, END, '{a="b"}')).data == ["a"]
    assert (await client.label_values("x/y", START, END, '{a="b"}')).data == ["a"]
    await client.labels(START, END)
    assert [parameters(request).get("query") for request in asked] == [['{a="b"}'], ['{a="b"}'], None]
    assert asked[1].url.raw_path.startswith(b"/prefix/loki/api/v1/label/x%2Fy/values?")


async def test_series_take_several_selectors(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    client = Loki(endpoint, answering(success(data=[{"app": "a"}])))
    assert (await client.series(['{a="b"}', '{c="d"}'], START, END)).data == [{"app": "a"}]
    assert parameters(asked[0])["match[]"] == ['{a="b"}', '{c="d"}']


async def test_a_log_query_that_gives_numbers_is_unreadable(endpoint: Endpoint, answering: Network) -> None:
    client = Loki(endpoint, answering(success(data={"resultType": "matrix", "result": []})))
    with pytest.raises(SourceUnreadable, match="not log lines"):
        await client.query_range("rate(…)", START, END)


async def test_health_is_whether_our_tenant_is_answered(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    await Loki(endpoint, answering(success(data=["app"]))).healthy()
    await Loki(endpoint, answering(success())).healthy()
    assert [request.url.path for request in asked] == ["/prefix/loki/api/v1/labels"] * 2, (
        "not /ready, which has no tenant"
    )


async def test_a_missing_tenant_is_not_healthy(endpoint: Endpoint, answering: Network) -> None:
    with pytest.raises(SourceRefused, match="set LOKI_TENANT"):
        await Loki(endpoint, answering(httpx2.Response(401, text="no org id\n"))).healthy()
