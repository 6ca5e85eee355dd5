"""What every notifier that speaks HTTP must do. A new one is added to `NOTIFIERS` and nowhere else."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from aiops_processor import plugins
from aiops_processor.errors import DeliveryError, DeliveryRefused, DeliveryUnavailable, PluginError
from aiops_processor.models.notification import Message, Occasion
from aiops_processor.plugins import Notifier

pytestmark = pytest.mark.anyio

SECRET = "T0KEN-IN-THE-PATH"
URL = f"https://hooks.example.com/services/{SECRET}?key={SECRET}"
NOTIFIERS: dict[str, dict[str, Any]] = {"slack": {}, "webhook": {"token": SECRET, "headers": {"X-Own": SECRET}}}

Answer = Callable[[httpx2.Request], httpx2.Response]
Make = Callable[..., Notifier]


@pytest.fixture(params=sorted(NOTIFIERS))
def make(request: pytest.FixtureRequest) -> Make:
    """Makes the notifier on a server that gives this answer."""

    def made(answer: Any, **options: Any) -> Notifier:
        plugin = plugins.load("notifier", request.param)
        given = plugin.Options(**{"url": URL, **NOTIFIERS[request.param], **options})
        return plugin(given, httpx2.MockTransport(answer))

    return made


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_any_2xx_is_a_receipt(make: Make, message: Message, status: int) -> None:
    receipt = await make(lambda _: httpx2.Response(status)).send(message, "key-1", None)
    assert json.loads(receipt.model_dump_json())["data"] == {"status": status}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 529])
async def test_what_may_pass_is_worth_a_retry(make: Make, message: Message, status: int) -> None:
    with pytest.raises(DeliveryUnavailable, match=f"answered {status}") as failure:
        await make(lambda _: httpx2.Response(status)).send(message, "key-1", None)
    assert failure.value.retry_after is None


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422])
async def test_anything_else_is_not(make: Make, message: Message, status: int) -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(status, headers={"location": "https://elsewhere.example/"})

    with pytest.raises(DeliveryRefused, match=f"answered {status}"):
        await make(answer).send(message, "key-1", None)
    assert [request.url.host for request in asked] == ["hooks.example.com"], "no redirect is followed"


@pytest.mark.parametrize("status", [429, 503])
async def test_the_wait_that_was_asked_for_is_passed_on(make: Make, message: Message, status: int) -> None:
    with pytest.raises(DeliveryUnavailable) as failure:
        await make(lambda _: httpx2.Response(status, headers={"retry-after": "30"})).send(message, "key-1", None)
    assert failure.value.retry_after == 30


@pytest.mark.parametrize(
    "error",
    [
        httpx2.ConnectError,
        httpx2.ConnectTimeout,
        httpx2.ReadTimeout,
        httpx2.ReadError,
        httpx2.RemoteProtocolError,
        httpx2.ProxyError,
    ],
)
async def test_a_line_that_breaks_is_worth_a_retry(
    make: Make, message: Message, error: type[httpx2.TransportError]
) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise error(f"cannot reach {request.url}")

    with pytest.raises(DeliveryUnavailable):
        await make(answer).send(message, "key-1", None)


async def test_silence_ends_at_the_time_limit(make: Make, message: Message) -> None:
    async def answer(_: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(DeliveryUnavailable, match=r"within 0\.05 s"):
        await make(answer, timeout_seconds=0.05).send(message, "key-1", None)


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500])
async def test_no_error_holds_a_secret(make: Make, message: Message, status: int) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, text=f"Cannot POST {request.url} with {dict(request.headers)}")

    def breaks(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError(f"cannot reach {request.url}")

    for given in (answer, breaks):
        with pytest.raises(DeliveryError) as failure:
            await make(given).send(message, "key-1", None)
        assert SECRET not in str(failure.value)
        assert "hooks.example.com" in str(failure.value)
        assert failure.value.__cause__ is None


async def test_the_key_is_in_every_request_and_the_same_on_a_retry(make: Make, message: Message) -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200)

    notifier = make(answer)
    for _ in range(2):
        await notifier.send(message, "3:analysed:1", None)
    assert [request.headers["idempotency-key"] for request in asked] == ["3:analysed:1"] * 2
    assert asked[0].content == asked[1].content
    assert asked[0].headers["user-agent"] == "aiops-processor"
    assert asked[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize("occasion", list(Occasion))
async def test_every_occasion_is_told_with_and_without_analysis(
    make: Make, message: Message, occasion: Occasion
) -> None:
    for analysis, evidence in ((message.analysis, message.evidence), (None, None)):
        told = message.model_copy(update={"occasion": occasion, "analysis": analysis, "evidence": evidence, "url": ""})
        assert (await make(lambda _: httpx2.Response(200)).send(told, "key-1", None)).data


async def test_a_message_without_alerts_is_told(make: Make, message: Message) -> None:
    empty = message.model_copy(update={"alerts": ()})
    assert (await make(lambda _: httpx2.Response(200)).send(empty, "key-1", None)).data


@pytest.mark.parametrize(
    "text", ["x" * 100_000, "<!channel> <http://evil.example|x> \x00\x1b[31m \u202e", "日本語 🔥" * 9000]
)
async def test_any_text_of_a_model_can_be_sent_as_json(make: Make, message: Message, text: str) -> None:
    bodies: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        bodies.append(request.content)
        return httpx2.Response(200)

    assert message.analysis
    long = message.model_copy(update={"analysis": message.analysis.model_copy(update={"summary": text})})
    await make(answer).send(long, "key-1", None)
    assert json.loads(bodies[0])


async def test_a_huge_answer_is_not_read_to_the_end(make: Make, message: Message) -> None:
    async def endless() -> Any:
        while True:
            yield b"x" * 1000

    with pytest.raises(DeliveryRefused):
        await make(lambda _: httpx2.Response(400, content=endless())).send(message, "key-1", None)


@pytest.mark.parametrize("url", ["", "hooks.example.com", "ftp://x", "https://", "http://[", f"javascript:{SECRET}"])
def test_an_address_that_is_none_is_refused_and_not_repeated(make: Make, url: str) -> None:
    with pytest.raises(ValueError, match="url") as failure:
        make(lambda _: httpx2.Response(200), url=url)
    assert SECRET not in str(failure.value)


@pytest.mark.parametrize("name", sorted(NOTIFIERS))
async def test_it_comes_through_the_plugin_door_and_refuses_unknown_options(name: str) -> None:
    notifier: Notifier = plugins.make("notifier", name, {"url": URL})
    assert notifier.name == name
    await notifier.aclose()
    with pytest.raises(PluginError, match=re.escape("known options: url, timeout_seconds")) as failure:
        plugins.make("notifier", name, {"url": URL, "channel": "x"})
    assert SECRET not in str(failure.value)


@pytest.mark.parametrize("name", sorted(NOTIFIERS))
def test_the_options_do_not_show_a_secret(name: str) -> None:
    options = plugins.load("notifier", name).Options(url=URL, **NOTIFIERS[name])
    assert SECRET not in repr(options)
