"""One channel that is dead never delays another: two channels, one of which takes the message and never answers."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor.services.telling.notifier import SECONDS_FOR_ONE_TRY


@pytest.fixture
def settings(peer: Any) -> dict[str, str]:
    peer.delays["/slack"] = 60
    return {"SLACK_WEBHOOK_URL": f"{peer.url}/slack", "GENERIC_WEBHOOK_URL": f"{peer.url}/hook"}


def test_the_other_channel_is_told_without_waiting_for_it(
    peer: Any,
    settings: dict[str, str],
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    service = make_service(**settings)
    began = time.monotonic()
    assert service.post("/webhook/alerts", webhook("HighErrorRate"))[0] == 200
    wait(lambda: peer.told("opened"), f"the webhook is told\n{service.log()}")
    assert time.monotonic() - began < SECONDS_FOR_ONE_TRY
    wait(lambda: peer.told("analysed"), f"the analysis is told\n{service.log()}")
    assert peer.asked("/slack") >= 1, "it hangs, and was asked"


def test_a_channel_that_refuses_for_now_gets_the_same_key_again(
    peer: Any,
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    peer.statuses["/hook"] = 503
    service = make_service(GENERIC_WEBHOOK_URL=f"{peer.url}/hook")
    assert service.post("/webhook/alerts", webhook("HighErrorRate"))[0] == 200
    wait(lambda: len(peer.told("opened")) >= 2, f"the message is sent again\n{service.log()}")
    peer.statuses.clear()
    wait(lambda: len(peer.told("opened")) >= 3, f"and once more\n{service.log()}")
    assert len({message["key"] for message in peer.told("opened")}) == 1
