import asyncio
import socket
from contextlib import suppress
from datetime import UTC, datetime

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from aiops_processor.clock import ReplayClock
from aiops_processor.demo.recording import Recording, bundled
from aiops_processor.demo.replay import Replay
from aiops_processor.demo.serve import serve

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Recording.load(bundled())


async def test_both_servers_answer_as_the_recording_plays(recording: Recording) -> None:
    webhook = recording.webhooks[0]
    clock = ReplayClock(datetime.fromtimestamp(webhook.received_at, UTC))
    errors = 'sum by (service) (rate(http_requests_total{code=~"5.."}[20s])) > 0'
    async with Replay(recording, clock).servers() as urls, httpx2.AsyncClient() as client:
        rates = await client.get(f"{urls.prometheus}/api/v1/query", params={"query": errors})
        services = {row["metric"]["service"] for row in rates.json()["data"]["result"]}
        assert "payments" in services
        lines = await client.get(
            f"{urls.loki}/loki/api/v1/query_range",
            params={"query": '{app="payments"} | detected_level="error"', "limit": 1},
        )
        assert "certificate" in lines.text
    with pytest.raises(httpx2.ConnectError):
        async with httpx2.AsyncClient() as client:
            await client.get(urls.prometheus)


async def test_a_server_ends_with_its_block_even_when_the_block_fails() -> None:
    app = Starlette(routes=[Route("/", lambda _request: PlainTextResponse("here"))])
    url = ""
    async with httpx2.AsyncClient() as client:
        with suppress(KeyError):
            async with serve(app) as url:
                assert (await client.get(url)).text == "here"
                raise KeyError("the block fails")
        with pytest.raises(httpx2.ConnectError):
            await client.get(url)


async def test_a_port_that_is_taken_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        async with serve(Starlette(), taken.getsockname()[1]):
            await asyncio.sleep(0)
