"""Servers that answer wrongly, late or not at all, over real sockets: each fault has its type, none an empty answer."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.loki import Loki
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.errors import SourceError, SourceRefused, SourceUnavailable, SourceUnreadable

pytestmark = pytest.mark.anyio

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
FAULTS: list[tuple[str, type[SourceError] | tuple[type[SourceError], ...]]] = [
    ("400", SourceRefused),
    ("401", SourceRefused),
    ("404", SourceRefused),
    ("429", SourceUnavailable),
    ("500", SourceUnavailable),
    ("503", SourceUnavailable),
    ("hang", SourceUnavailable),
    ("html", SourceUnreadable),
    ("badjson", SourceUnreadable),
    ("cut", (SourceUnreadable, SourceUnavailable)),
    ("wrongtypes", SourceUnreadable),
    ("status_error", (SourceRefused, SourceUnavailable)),
]


@pytest.fixture
async def prometheus(fakes: Any) -> AsyncIterator[Prometheus]:
    client = Prometheus(Endpoint(url=fakes.url("prom"), timeout_seconds=1))
    yield client
    await client.aclose()


@pytest.fixture
async def loki(fakes: Any) -> AsyncIterator[Loki]:
    client = Loki(Endpoint(url=fakes.url("loki"), timeout_seconds=1))
    yield client
    await client.aclose()


@pytest.mark.shared
@pytest.mark.parametrize(("mode", "kind"), FAULTS)
async def test_each_fault_of_prometheus_has_its_type(
    mode: str, kind: type[SourceError], fakes: Any, prometheus: Prometheus
) -> None:
    fakes.configure("prom", mode=mode)
    began = time.monotonic()
    with pytest.raises(kind):
        await prometheus.query_range("up", AT - timedelta(minutes=5), AT, 15)
    assert time.monotonic() - began < 30, "its limit is a second; the faults would take minutes"


@pytest.mark.shared
@pytest.mark.parametrize(("mode", "kind"), FAULTS)
async def test_each_fault_of_loki_has_its_type(mode: str, kind: type[SourceError], fakes: Any, loki: Loki) -> None:
    fakes.configure("loki", mode=mode)
    began = time.monotonic()
    with pytest.raises(kind):
        await loki.query_range('{app="a"}', AT - timedelta(minutes=5), AT)
    assert time.monotonic() - began < 30, "its limit is a second; the faults would take minutes"


@pytest.mark.shared
async def test_an_empty_answer_is_no_fault(fakes: Any, prometheus: Prometheus, loki: Loki) -> None:
    fakes.configure("prom", mode="empty")
    assert (await prometheus.query_range("up", AT - timedelta(minutes=5), AT, 15)).data == []
    fakes.configure("loki", mode="empty")
    assert (await loki.query_range('{app="a"}', AT - timedelta(minutes=5), AT)).data == []


@pytest.mark.shared
async def test_a_fault_that_passes_is_not_seen(fakes: Any, prometheus: Prometheus, loki: Loki) -> None:
    fakes.configure("prom", mode="ok", fail_first=2, error_mode="503")
    assert (await prometheus.query_range("up", AT - timedelta(minutes=5), AT, 15)).data
    fakes.configure("loki", mode="ok", fail_first=2, error_mode="429", retry_after=0)
    assert (await loki.query_range('{app="a"}', AT - timedelta(minutes=5), AT)).data


@pytest.mark.shared
async def test_nan_of_a_strange_server_is_a_number(fakes: Any, prometheus: Prometheus) -> None:
    fakes.configure("prom", mode="nan")
    answer = await prometheus.query_range("up", AT - timedelta(minutes=5), AT, 15)
    assert any(math.isnan(value) for series in answer.data for _, value in series.points)


async def test_a_port_where_nobody_listens_is_unavailable() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    client = Loki(Endpoint(url=f"http://127.0.0.1:{port}", timeout_seconds=2))
    with pytest.raises(SourceUnavailable, match=rf"^loki at 127\.0\.0\.1:{port} cannot be reached"):
        await client.healthy()
    await client.aclose()


async def test_https_at_a_port_that_speaks_http_names_the_setting() -> None:
    async def speak_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak_http, "127.0.0.1", 0)
    client = Loki(Endpoint(url=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout_seconds=2))
    async with server:
        with pytest.raises(SourceUnreadable, match=r"is LOKI_URL http:// and not https://"):
            await client.healthy()
    await client.aclose()


async def test_the_http_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    async def stand_in_between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        body = b'{"status":"success","data":["app"]}'
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(stand_in_between, "127.0.0.1", 0)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monkeypatch.setenv("NO_PROXY", "")
    async with server:
        client = Loki(Endpoint(url="http://loki.invalid:3100", timeout_seconds=2))
        assert (await client.labels(AT, AT)).data == ["app"]
        await client.aclose()
    assert seen[0].startswith(b"GET http://loki.invalid:3100/loki/api/v1/labels?")
