from collections.abc import Callable, Mapping
from typing import Any

import pytest

from aiops_processor.demo.recording import Recording, Webhook
from aiops_processor.demo.replay import Replay

pytestmark = pytest.mark.anyio

HEADERS = {
    "Host": "old:8000",
    "Content-Length": "9",
    "User-Agent": "Alertmanager/0.33",
    "Content-Type": "application/json",
}


@pytest.fixture
def recorded(recording: Callable[..., Recording]) -> Recording:
    hooks = [
        Webhook(received_at=at, headers=HEADERS, body={"startsAt": "2026-11-23T07:24:54Z", "n": at})
        for at in (5, 30, 30.5)
    ]
    return recording({}, webhooks=hooks)


async def test_each_webhook_is_posted_at_its_time_and_as_it_was_received(
    recorded: Recording, at: Callable[[float], Any]
) -> None:
    clock = at(10)
    posted: list[tuple[float, bytes, Mapping[str, str]]] = []
    told: list[float] = []

    async def post(body: bytes, headers: Mapping[str, str]) -> None:
        posted.append((clock.seconds, body, headers))

    await Replay(recorded, clock).post_webhooks(post, lambda webhook: told.append(webhook.received_at))
    assert [when for when, _, _ in posted] == [10, 30, 30.5]  # the first is of the past
    assert posted[1][1] == b'{"startsAt":"2026-11-23T07:24:54Z","n":30}\n'
    assert dict(posted[0][2]) == {"User-Agent": "Alertmanager/0.33", "Content-Type": "application/json"}
    assert told == [5, 30, 30.5]


async def test_what_the_receiver_raises_ends_the_replay(recorded: Recording, at: Callable[[float], Any]) -> None:
    async def refuse(body: bytes, headers: Mapping[str, str]) -> None:
        raise ConnectionError("nobody there")

    with pytest.raises(ConnectionError):
        await Replay(recorded, at(10)).post_webhooks(refuse)
