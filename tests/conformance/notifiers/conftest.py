"""Every channel that speaks HTTP, with what its service answers. A new one is added to `CASES` and nowhere else."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from aiops_processor import plugins
from aiops_processor.plugins import Notifier

SECRET = "T0KENinTHEpath0123456789abcdefgh"
URL = f"https://service.example/services/{SECRET}?key={SECRET}"


@dataclass(frozen=True)
class Case:
    """`options` make the channel; `answer` is what its service says when all is well; `receipt` a stored one.

    `most_bytes` is the service's limit of a post.
    """

    name: str
    options: dict[str, Any]
    answer: Any = ""
    receipt: dict[str, Any] = field(default_factory=dict)
    most_bytes: int = 1_000_000

    def make(self, answer: Callable[[httpx2.Request], Any], **more: Any) -> Notifier:
        plugin = plugins.load("notifier", self.name)
        return plugin(plugin.Options(**{**self.options, **more}), httpx2.MockTransport(answer))

    def well(self, status: int = 200) -> httpx2.Response:
        return httpx2.Response(status, json=self.answer) if self.answer else httpx2.Response(status)


SLACK = {"ok": True, "channel": "C1", "ts": "1700000000.000100"}
CASES = [
    Case("slack", {"url": URL}),
    Case(
        "slack_bot",
        {"token": f"xoxb-{SECRET}", "channel": "C1", "url": "https://service.example/api"},
        SLACK,
        {"channel": "C1", "ts": "1700000000.000100"},
    ),
    Case(
        "pagerduty",
        {"routing_key": SECRET, "url": "https://service.example"},
        receipt={"dedup_key": "aiops-3-1"},
        most_bytes=512_000,
    ),
    Case("webhook", {"url": URL, "token": SECRET, "secret": SECRET, "headers": {"X-Own": SECRET}}),
    Case("teams", {"url": URL}, most_bytes=21_000),
    Case("discord", {"url": URL}, {"id": "77"}, {"id": "77"}),
    Case(
        "telegram",
        {"token": f"1:{SECRET}", "chat_id": "-100", "url": "https://service.example"},
        {"ok": True, "result": {"message_id": 7}},
        {"message_id": 7},
    ),
    Case("mattermost", {"url": URL}),
]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture
def secret() -> str:
    return SECRET
