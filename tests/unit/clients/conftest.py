"""A network that is none, and time that does not pass."""

from collections.abc import Callable

import httpx2
import pytest

from aiops_processor.clients.http import Endpoint, Retries

Network = Callable[..., httpx2.MockTransport]


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint(url="http://prom.example:9090/prefix/", timeout_seconds=5)


@pytest.fixture
def asked() -> list[httpx2.Request]:
    """The requests that the network saw, in order."""
    return []


@pytest.fixture
def answering(asked: list[httpx2.Request]) -> Network:
    """A network that gives these answers in turn, the last one again and again; an exception is raised."""

    def network(*answers: httpx2.Response | Exception) -> httpx2.MockTransport:
        def answer(request: httpx2.Request) -> httpx2.Response:
            asked.append(request)
            given = answers[min(len(asked), len(answers)) - 1]
            if isinstance(given, Exception):
                raise given
            return httpx2.Response(given.status_code, headers=given.headers, content=given.content)

        return httpx2.MockTransport(answer)

    return network


@pytest.fixture
def waited() -> list[float]:
    """The seconds that were waited between tries."""
    return []


@pytest.fixture
def retries(waited: list[float]) -> Retries:
    """The product's retries without the waiting: back-off 0.1, 0.2, …"""

    async def note(seconds: float) -> None:
        waited.append(seconds)

    return Retries(sleep=note, jitter=lambda: 0.5)
