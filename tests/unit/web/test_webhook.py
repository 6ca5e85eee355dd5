"""What a person asks to be analysed, before anything is stored."""

import json
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
from fastapi import Request

from aiops_processor.clock import SystemClock
from aiops_processor.web.edge.bodies import BodyReader
from aiops_processor.web.webhook import MOST_ALERTS_BY_HAND, analyze

pytestmark = pytest.mark.anyio


class Post:
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, body: Any) -> None:
        self._body = json.dumps(body).encode()

    async def receive(self) -> Any:
        return {"type": "http.request", "body": self._body}


class NobodyWaits:
    """As many places as are wanted."""

    def locked(self) -> bool:
        return False

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *error: object) -> None: ...


async def test_too_many_alerts_are_refused_before_any_is_looked_at() -> None:
    """All of these are bad; judging them would say so."""
    service = SimpleNamespace(by_hand=NobodyWaits(), bodies=BodyReader(), clock=SystemClock())
    body = {"alerts": [{"no": "alert"}] * (MOST_ALERTS_BY_HAND + 1)}
    answer = await analyze(cast("Request", Post(body)), cast("Any", service), notify=False)
    assert answer.status_code == 422
    problem = "alerts: 101 of them, at most 100 are analysed at once"
    assert json.loads(bytes(answer.body)) == {"status": "error", "error": problem, "field": "alerts"}
