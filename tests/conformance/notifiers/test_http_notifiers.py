"""What every channel that speaks HTTP must do. A new one is added in conftest.py and nowhere else."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from aiops_processor import plugins
from aiops_processor.errors import DeliveryError, DeliveryRefused, DeliveryUnavailable, PluginError
from aiops_processor.models.analysis import Statement, Step
from aiops_processor.models.notification import Message, Occasion, Receipt

pytestmark = pytest.mark.anyio

KEY = "incident-3-analysed-1-x"


def long(message: Message, text: str) -> Message:
    """The same with this text wherever a model, an alert or a log line may write."""
    assert message.analysis
    assert message.evidence
    analysis = message.analysis.model_copy(
        update={
            "summary": text,
            "root_cause": text,
            "severity_assessment": text,
            "affected": (text,) * 20,
            "evidence": (Statement(id="M1", statement=text, verified=False),) * 20,
            "remediation_steps": (Step(priority=1, action=text, command=text, description=text),) * 20,
            "checked_healthy": (text,) * 20,
        }
    )
    alert = message.alerts[0]
    hostile = alert.model_copy(update={"labels": {**alert.labels, "service": text}, "annotations": {"summary": text}})
    incident = message.incident.model_copy(update={"title": text, "severity": text})
    return message.model_copy(update={"analysis": analysis, "alerts": (hostile,) * 20, "incident": incident})


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_any_2xx_is_a_receipt_that_can_be_stored(case: Any, message: Message, status: int) -> None:
    receipt = await case.make(lambda _: case.well(status)).send(message, KEY, None)
    assert Receipt.model_validate_json(receipt.model_dump_json()) == receipt
    assert receipt.data


async def test_no_header_holds_what_strangers_wrote(case: Any, message: Message) -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return case.well(200)

    await case.make(answer).send(long(message, "evil\r\nX-Evil: 1"), KEY, None)
    assert asked
    for request in asked:
        assert not [pair for pair in request.headers.multi_items() if "evil" in "".join(pair).lower()]
        assert "evil" not in str(request.url)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 529])
async def test_what_may_pass_is_worth_a_retry(case: Any, message: Message, status: int) -> None:
    with pytest.raises(DeliveryUnavailable, match=f"answered {status}") as failure:
        await case.make(lambda _: httpx2.Response(status)).send(message, KEY, None)
    assert failure.value.retry_after is None


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422])
async def test_anything_else_is_not(case: Any, message: Message, status: int) -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(status, headers={"location": "https://elsewhere.example/"})

    with pytest.raises(DeliveryRefused, match=f"answered {status}"):
        await case.make(answer).send(message, KEY, None)
    assert [request.url.host for request in asked] == ["service.example"], "no redirect is followed"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "30"},
        {"retry-after": "Sat, 31 Jan 2026 12:00:30 GMT", "date": "Sat, 31 Jan 2026 12:00:00 GMT"},
    ],
)
async def test_the_wait_that_was_asked_for_is_passed_on(
    case: Any, message: Message, status: int, headers: dict[str, str]
) -> None:
    with pytest.raises(DeliveryUnavailable) as failure:
        await case.make(lambda _: httpx2.Response(status, headers=headers)).send(message, KEY, None)
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
    case: Any, message: Message, error: type[httpx2.TransportError]
) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise error(f"cannot reach {request.url}")

    with pytest.raises(DeliveryUnavailable):
        await case.make(answer).send(message, KEY, None)


async def test_silence_ends_at_the_time_limit(case: Any, message: Message) -> None:
    async def answer(_: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(DeliveryUnavailable, match=r"within 0\.05 s"):
        await case.make(answer, timeout_seconds=0.05).send(message, KEY, None)


@pytest.mark.parametrize("status", [200, 301, 400, 404, 429, 500])
async def test_no_error_holds_a_secret(case: Any, message: Message, secret: str, status: int) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        said = f"Cannot POST {request.url} with {dict(request.headers)} and {request.content.decode()}"
        if status == 200:  # the services that say in the body what went wrong
            return httpx2.Response(200, json={"ok": False, "error": said, "description": said})
        return httpx2.Response(status, json={"message": said, "errors": [said], "description": said})

    def breaks(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError(f"cannot reach {request.url}")

    for given in (answer, breaks):
        try:
            await case.make(given).send(message, KEY, None)
        except DeliveryError as failure:
            assert secret not in str(failure)  # noqa: PT017 - of those that say 200 some took the message
            assert "service.example" in str(failure)  # noqa: PT017
            assert failure.__cause__ is None  # noqa: PT017
        else:
            assert (status, given) == (200, answer)


async def test_the_key_is_in_every_request_and_the_same_on_a_retry(case: Any, message: Message) -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return case.well()

    notifier = case.make(answer)
    for _ in range(2):
        await notifier.send(message, KEY, None)
    assert [request.headers["idempotency-key"] for request in asked] == [KEY] * 2
    assert asked[0].content == asked[1].content
    assert asked[0].headers["user-agent"] == "aiops-processor"
    assert asked[0].headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("occasion", list(Occasion))
async def test_every_occasion_is_told_with_and_without_analysis(
    case: Any, message: Message, occasion: Occasion
) -> None:
    for analysis, evidence in ((message.analysis, message.evidence), (None, None)):
        told = message.model_copy(update={"occasion": occasion, "analysis": analysis, "evidence": evidence, "url": ""})
        for previous in (None, Receipt(data=case.receipt)):
            assert (await case.make(lambda _: case.well()).send(told, KEY, previous)).data


async def test_a_resolve_after_a_restart_finds_what_the_stored_receipt_names(case: Any, message: Message) -> None:
    """A new instance, the receipt as it came out of the store: the same message, alert or thread.

    A channel that gives none to go on from tells it anew.
    """
    bodies: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        bodies.append(f"{request.url} {request.content.decode()}")
        return case.well()

    stored = Receipt.model_validate_json(Receipt(data=case.receipt).model_dump_json())
    over = message.model_copy(update={"occasion": Occasion.RESOLVED})
    receipt = await case.make(answer).send(over, KEY, stored)
    named = str(next(reversed(case.receipt.values()), ""))
    assert bodies
    assert all(named in body for body in bodies)
    assert {name: receipt.data[name] for name in case.receipt} == case.receipt


async def test_a_message_without_alerts_is_told(case: Any, message: Message) -> None:
    empty = message.model_copy(update={"alerts": ()})
    assert (await case.make(lambda _: case.well()).send(empty, KEY, None)).data


@pytest.mark.parametrize(
    "text",
    [
        "x" * 30_000,
        "<!channel> @everyone <http://evil.example|x> \x00\x1b[31m \u202e ",
        "日本語 🔥" * 5000,
        "&<>*_`" * 4000,
    ],
)
async def test_any_text_fits_the_service(case: Any, message: Message, text: str) -> None:
    bodies: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        bodies.append(request.content)
        return case.well()

    told = long(message, text)
    await case.make(answer).send(told, KEY, None)
    assert isinstance(json.loads(bodies[0]), dict)
    if case.name != "webhook":  # programs get all of it
        assert len(bodies[0]) <= case.most_bytes


async def test_a_huge_answer_is_not_read_to_the_end(case: Any, message: Message) -> None:
    async def endless() -> Any:
        while True:
            yield b"x" * 1000

    with pytest.raises(DeliveryRefused):
        await case.make(lambda _: httpx2.Response(400, content=endless())).send(message, KEY, None)


@pytest.mark.parametrize("url", ["", "hooks.example.com", "ftp://x", "https://", "http://[", "javascript:T0KENinTHE"])
def test_an_address_that_is_none_is_refused_and_not_repeated(case: Any, url: str) -> None:
    with pytest.raises(ValueError, match="url") as failure:
        case.make(lambda _: httpx2.Response(200), url=url)
    assert "T0KENinTHE" not in str(failure.value)


async def test_it_comes_through_the_plugin_door_and_refuses_unknown_options(case: Any, secret: str) -> None:
    notifier = plugins.make("notifier", case.name, case.options)
    assert notifier.name == case.name
    assert notifier.hosts == ("service.example",)
    await notifier.aclose()
    with pytest.raises(PluginError, match="known options: timeout_seconds, ") as failure:
        plugins.make("notifier", case.name, {**case.options, "colour": secret})
    assert secret not in str(failure.value)


def test_the_options_do_not_show_a_secret(case: Any, secret: str) -> None:
    assert secret not in repr(plugins.load("notifier", case.name).Options(**case.options))
