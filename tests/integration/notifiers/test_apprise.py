"""Apprise over real sockets: what it takes, what it refuses, and that it shows no address."""

import logging
from typing import Any

import pytest

from aiops_processor import plugins
from aiops_processor.errors import DeliveryUnavailable
from aiops_processor.models.notification import Message, Occasion

pytest.importorskip("apprise", reason="needs the extra [apprise]")
pytestmark = pytest.mark.anyio

SECRET = "planted-willow-tree"


def channel(recorder: Any, **options: Any) -> Any:
    address = recorder.url.removeprefix("http://")
    return plugins.make("notifier", "apprise", {"urls": f"json://{address}/{SECRET} json://{address}/b", **options})


@pytest.mark.parametrize("occasion", list(Occasion))
async def test_each_of_its_services_is_told(recorder: Any, message: Message, occasion: Occasion) -> None:
    notifier = channel(recorder)
    await notifier.send(message.model_copy(update={"occasion": occasion}), "key", None)
    await notifier.aclose()
    assert len(recorder.asked) == 2
    assert "HighErrorRate" in recorder.asked[0].json()["title"]
    assert len(recorder.asked[0].json()["message"]) <= 2000


async def test_a_service_that_refuses_is_tried_again_and_its_address_is_not_shown(
    recorder: Any, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.statuses["/"] = 500
    notifier = channel(recorder)
    with caplog.at_level(logging.DEBUG), pytest.raises(DeliveryUnavailable, match="did not take") as failure:
        await notifier.send(message, "key", None)
    await notifier.aclose()
    assert SECRET not in caplog.text + str(failure.value)


async def test_a_service_that_hangs_ends_at_the_time_limit(recorder: Any, message: Message) -> None:
    recorder.delays["/"] = 2
    notifier = channel(recorder, timeout_seconds=0.2)
    with pytest.raises(DeliveryUnavailable, match=r"within 0\.2 s"):
        await notifier.send(message, "key", None)
    await notifier.aclose()
