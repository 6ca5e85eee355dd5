"""Apprise over real sockets: what it takes, what it refuses, and that it shows no address."""

import logging
from typing import Any

import pytest

from aiops_processor import plugins
from aiops_processor.errors import DeliveryRefused, DeliveryUnavailable
from aiops_processor.models.notification import Message, Occasion

apprise = pytest.importorskip("apprise", reason="needs the extra [apprise]")
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
    recorder: Any, message: Message, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    recorder.statuses["/"] = 500
    notifier = channel(recorder)
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(DeliveryUnavailable, match="1 answered 500; address 2") as failure,
    ):
        await notifier.send(message, "key", None)
    await notifier.aclose()
    captured = capfd.readouterr()
    assert SECRET not in caplog.text + str(failure.value) + captured.out + captured.err


@pytest.mark.parametrize(("status", "remedy"), [(401, "credentials"), (404, "no such address")])
async def test_what_no_other_try_can_mend_is_final_and_says_why(
    recorder: Any, message: Message, status: int, remedy: str
) -> None:
    recorder.statuses["/"] = status
    notifier = channel(recorder)
    with pytest.raises(DeliveryRefused, match=rf"^apprise: address 1 answered {status}: .*{remedy}"):
        await notifier.send(message, "key", None)
    await notifier.aclose()


@pytest.mark.parametrize("status", [429, 503])
async def test_a_try_that_follows_tells_only_those_that_may_still_take_it(
    recorder: Any, message: Message, status: int
) -> None:
    recorder.statuses["/b"] = status
    notifier = channel(recorder)
    with pytest.raises(DeliveryUnavailable, match=rf"^apprise: address 2 answered {status}$"):
        await notifier.send(message, "key", None)
    recorder.statuses.clear()
    await notifier.send(message, "key", None)
    assert [len(recorder.of(path)) for path in (SECRET, "/b")] == [1, 2]
    await notifier.send(message, "another key", None)
    assert [len(recorder.of(path)) for path in (SECRET, "/b")] == [2, 3]
    await notifier.aclose()


async def test_one_address_that_is_wrong_is_said_when_the_others_have_it(recorder: Any, message: Message) -> None:
    recorder.statuses |= {SECRET: 404, "/b": 503}
    notifier = channel(recorder)
    with pytest.raises(DeliveryUnavailable, match=r"address 1 answered 404: .*; address 2 answered 503"):
        await notifier.send(message, "key", None)
    recorder.statuses["/b"] = 200
    with pytest.raises(DeliveryRefused, match=r"^apprise: address 1 answered 404"):
        await notifier.send(message, "key", None)
    assert [len(recorder.of(path)) for path in (SECRET, "/b")] == [1, 2]
    await notifier.aclose()


@pytest.mark.parametrize(("wrong", "slow"), [("ann", "bob"), ("bob", "ann")])
@pytest.mark.parametrize("unavailable", ["answers", "is silent"])
async def test_an_address_of_several_people_is_final_only_where_it_is_so_for_each_of_them(
    recorder: Any, message: Message, monkeypatch: pytest.MonkeyPatch, wrong: str, slow: str, unavailable: str
) -> None:
    """In either order: Apprise asks for them in none that is known."""
    monkeypatch.setattr(apprise.apprise.N_MGR["ncloud"], "request_rate_per_sec", 0)
    recorder.statuses |= {f"/{wrong}": 404}
    recorder.statuses |= {f"/{slow}": 503} if unavailable == "answers" else {}
    recorder.delays |= {f"/{slow}": 60} if unavailable == "is silent" else {}
    address = recorder.url.removeprefix("http://")
    notifier = plugins.make("notifier", "apprise", {"urls": f"ncloud://me:{SECRET}@{address}/ann/bob?rto=3"})
    with pytest.raises(DeliveryUnavailable, match=r"^apprise: address 1 answered (404|503)"):
        await notifier.send(message, "key", None)
    recorder.statuses |= {f"/{slow}": 403}
    recorder.delays.clear()
    with pytest.raises(DeliveryRefused, match=r"^apprise: address 1 answered 40[34]"):
        await notifier.send(message, "key", None)
    await notifier.aclose()


async def test_a_service_that_is_not_there_is_tried_again(message: Message) -> None:
    notifier = plugins.make("notifier", "apprise", {"urls": f"json://127.0.0.1:1/{SECRET}"})
    with pytest.raises(DeliveryUnavailable, match="it says not why"):
        await notifier.send(message, "key", None)
    await notifier.aclose()


async def test_a_service_that_hangs_ends_at_the_time_limit(recorder: Any, message: Message) -> None:
    recorder.delays["/"] = 2
    notifier = channel(recorder, timeout_seconds=0.2)
    with pytest.raises(DeliveryUnavailable, match=r"within 0\.2 s"):
        await notifier.send(message, "key", None)
    await notifier.aclose()
