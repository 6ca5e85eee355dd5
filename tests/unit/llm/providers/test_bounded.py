"""Of a model's answer a bounded part is read, however it is packed."""

import gzip
from collections.abc import AsyncIterator

import httpx2
import pytest
from pydantic import HttpUrl

from aiops_processor.errors import ModelUnreadable
from aiops_processor.llm.asking import http_client
from aiops_processor.llm.providers.bounded import MOST_BYTES
from aiops_processor.llm.providers.ollama import Ollama, OllamaOptions

pytestmark = pytest.mark.anyio

OPTIONS = OllamaOptions(model="m", base_url=HttpUrl("http://model.example"))


class Sending:
    """Sends a body in pieces, and counts the bytes that were asked for."""

    def __init__(self, body: bytes, pieces: int, **headers: str) -> None:
        self.sent = 0
        self._body = body
        self._pieces = pieces
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers=self._headers, content=self._all())

    async def _all(self) -> AsyncIterator[bytes]:
        size = max(1, len(self._body) // self._pieces)
        for place in range(0, len(self._body), size):
            self.sent += size
            yield self._body[place : place + size]


async def test_of_an_endless_answer_only_the_beginning_is_read() -> None:
    server = Sending(b" " * MOST_BYTES * 4, 64)
    async with http_client(OPTIONS, httpx2.MockTransport(server)) as client:
        assert len((await client.get("http://model.example/")).content) == MOST_BYTES
    assert server.sent < MOST_BYTES * 2


async def test_a_packed_answer_is_unpacked_so_far_and_no_further() -> None:
    server = Sending(gzip.compress(b" " * MOST_BYTES * 16), 500, content_encoding="gzip")
    model = Ollama(OPTIONS, transport=httpx2.MockTransport(server))
    with pytest.raises(ModelUnreadable, match="no chat answer"):
        await model.ask("", "")
    assert server.sent < len(gzip.compress(b" " * MOST_BYTES * 16)) / 2


async def test_an_answer_of_a_usual_size_is_read_whole_with_what_came_with_it() -> None:
    server = Sending(gzip.compress(b'{"a": 1}'), 3, content_encoding="gzip", x_request="7")
    async with http_client(OPTIONS, httpx2.MockTransport(server)) as client:
        answer = await client.get("http://model.example/")
    assert (answer.json(), answer.headers["x-request"], str(answer.request.url)) == (
        {"a": 1},
        "7",
        "http://model.example/",
    )
