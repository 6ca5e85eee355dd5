"""Services as the actions see them: what they are asked, and what they keep."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from aiops_processor import plugins
from aiops_processor.models.notification import Message, Occasion


class Site:
    """A service over HTTP. `answers` are by method and path; a function is given the request."""

    def __init__(self) -> None:
        self.requests: list[httpx2.Request] = []
        self.answers: dict[str, Any] = {}
        self.error: Exception | None = None

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        if self.error:
            raise self.error
        answer = self.answers.get(f"{request.method} {request.url.path}", httpx2.Response(404, text="no such thing"))
        found = answer(request) if callable(answer) else answer
        return found if isinstance(found, httpx2.Response) else httpx2.Response(200, json=found)

    def bodies(self, method: str = "POST") -> list[Any]:
        return [json.loads(each.content) for each in self.requests if each.method == method]

    def action(self, kind: str, **options: Any) -> Any:
        plugin = plugins.load("action", kind)
        return plugin(plugin.Options(**options), httpx2.MockTransport(self))


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def over(message: Message) -> Message:
    """The same incident when it is over."""
    ended = message.incident.model_copy(update={"resolved_at": message.sent_at})
    return message.model_copy(update={"occasion": Occasion.RESOLVED, "incident": ended})


@pytest.fixture
def saying(message: Message) -> Callable[[str], Message]:
    """The incident with another summary and title, as somebody hostile would have them."""

    def make(text: str) -> Message:
        assert message.analysis is not None
        analysis = message.analysis.model_copy(update={"summary": text})
        incident = message.incident.model_copy(update={"title": text})
        return message.model_copy(update={"analysis": analysis, "incident": incident})

    return make
