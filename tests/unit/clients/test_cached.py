"""Two incidents of one minute ask the same, and what they get still covers what they wanted."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx2
import pytest

from aiops_processor.clients.cache import Cache
from aiops_processor.clients.cached import CachedLoki, CachedPrometheus
from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.loki import Loki
from aiops_processor.clients.prometheus import Prometheus

pytestmark = pytest.mark.anyio

Network = Callable[..., httpx2.MockTransport]
AT = datetime(2026, 1, 31, 12, 0, 7, 250_000, tzinfo=UTC)
LATER = AT + timedelta(seconds=20)
AGO = timedelta(minutes=15)


class StoppedClock:
    def now(self) -> datetime:
        return AT

    async def sleep(self, seconds: float) -> None: ...


@pytest.fixture
def cache() -> Cache:
    return Cache(StoppedClock(), lambda source, kind, result: None)


def asked_for(request: httpx2.Request) -> dict[str, list[str]]:
    return parse_qs(request.content.decode() or request.url.query.decode())


def seconds(at: datetime) -> str:
    return f"{at.timestamp():.3f}"


async def test_lists_are_asked_from_whole_minute_to_whole_minute(
    cache: Cache, endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    network = answering(httpx2.Response(200, json={"status": "success", "data": []}))
    prometheus = CachedPrometheus(Prometheus(endpoint, network), cache)
    for end in (AT, LATER):
        await prometheus.series(["up"], end - AGO, end)
        await prometheus.label_values("__name__", (), end - AGO, end)
        await prometheus.labels((), end - AGO, end)
        await prometheus.labels()
    assert len(asked) == 4
    times = {name: asked_for(asked[0])[name][0] for name in ("start", "end")}
    assert times == {
        "start": seconds(datetime(2026, 1, 31, 11, 45, tzinfo=UTC)),
        "end": seconds(datetime(2026, 1, 31, 12, 1, tzinfo=UTC)),
    }


async def test_values_stand_at_the_multiples_of_their_step(
    cache: Cache, endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    network = answering(
        httpx2.Response(200, json={"status": "success", "data": {"resultType": "matrix", "result": []}})
    )
    prometheus = CachedPrometheus(Prometheus(endpoint, network), cache)
    for end in (AT, AT + timedelta(seconds=5), LATER):
        await prometheus.query_range("up", end - AGO, end, 15)
    assert [asked_for(each)["end"][0] for each in asked] == [
        seconds(datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)),
        seconds(datetime(2026, 1, 31, 12, 0, 15, tzinfo=UTC)),
    ]


async def test_rules_and_types_are_asked_once(
    cache: Cache, endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    rules = httpx2.Response(200, json={"status": "success", "data": {"groups": []}})
    types = httpx2.Response(200, json={"status": "success", "data": {}})
    prometheus = CachedPrometheus(Prometheus(endpoint, answering(rules, types)), cache)
    for _ in range(2):
        await prometheus.rules()
        await prometheus.metadata()
    assert [each.url.path for each in asked] == ["/prefix/api/v1/rules", "/prefix/api/v1/metadata"]


async def test_samples_at_one_time_and_lines_are_asked_each_time(
    cache: Cache, endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    vector = httpx2.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": []}})
    prometheus = CachedPrometheus(Prometheus(endpoint, answering(vector)), cache)
    for _ in range(2):
        await prometheus.query("up", AT)
    streams = httpx2.Response(200, json={"status": "success", "data": {"resultType": "streams", "result": []}})
    loki = CachedLoki(Loki(endpoint, answering(streams)), cache)
    for _ in range(2):
        await loki.query_range('{a="b"}', AT - AGO, AT)
    assert len(asked) == 4


async def test_counts_of_lines_reach_to_the_end_that_was_asked_for(
    cache: Cache, endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    matrix = httpx2.Response(200, json={"status": "success", "data": {"resultType": "matrix", "result": []}})
    loki = CachedLoki(Loki(endpoint, answering(matrix)), cache)
    for end in (AT, AT + timedelta(seconds=2)):
        await loki.query_metric("rate({a='b'}[10s])", end - AGO, end, 10)
    (request,) = asked
    assert int(asked_for(request)["end"][0]) == datetime(2026, 1, 31, 12, 0, 10, tzinfo=UTC).timestamp() * 1e9


async def test_the_lists_of_two_sources_are_not_mixed_up(cache: Cache, endpoint: Endpoint, answering: Network) -> None:
    def named(name: str) -> CachedLoki:
        answer = httpx2.Response(200, json={"status": "success", "data": [name]})
        return CachedLoki(Loki(endpoint, httpx2.MockTransport(lambda request: answer), name=name), cache, name)

    first, second = named("loki"), named("loki/europe")
    assert (await first.labels(AT, AT)).data == ["loki"]
    assert (await second.labels(AT, AT)).data == ["loki/europe"]
    assert (await second.label_values("a", AT, AT)).data == ["loki/europe"]
