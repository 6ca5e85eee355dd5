"""Slack and the generic webhook over real sockets, against servers with faults and Slack's own size checks."""

import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from aiops_processor import plugins
from aiops_processor.errors import DeliveryRefused, DeliveryUnavailable
from aiops_processor.models.analysis import Statement, Step
from aiops_processor.models.notification import Message, Occasion
from aiops_processor.plugins import Notifier

pytestmark = [pytest.mark.anyio, pytest.mark.shared]

CHANNELS = ["slack", "webhook"]


@asynccontextmanager
async def channel(fakes: Any, name: str, **options: Any) -> AsyncGenerator[Notifier]:
    notifier = plugins.make(
        "notifier", name, {"url": f"{fakes.url(name)}/hook/SECRET", "timeout_seconds": 1, **options}
    )
    try:
        yield notifier
    finally:
        await notifier.aclose()


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("occasion", list(Occasion))
async def test_a_message_arrives(fakes: Any, message: Message, name: str, occasion: Occasion) -> None:
    fakes.configure(name)
    async with channel(fakes, name) as notifier:
        await notifier.send(message.model_copy(update={"occasion": occasion}), "key-1", None)
    (request,) = fakes.stats(name)["last"]
    assert (request["status"], request["path"]) == (200, "/hook/SECRET")
    assert "HighErrorRate" in request["body"]


@pytest.mark.parametrize("filler", ["x", "&<>", "日本語", "word "])
async def test_slack_takes_whatever_a_model_writes(fakes: Any, message: Message, filler: str) -> None:
    text = filler * 30_000
    assert message.analysis
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
    fakes.configure("slack")
    async with channel(fakes, "slack") as notifier:
        await notifier.send(message.model_copy(update={"analysis": analysis}), "key-1", None)
    assert fakes.stats("slack")["by_status"] == {"200": 1}


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("mode", ["html", "drip", "empty", "cut"])
async def test_a_status_of_200_is_enough_whatever_follows(fakes: Any, message: Message, name: str, mode: str) -> None:
    fakes.configure(name, mode=mode)
    async with channel(fakes, name) as notifier:  # to wait for the body would end at the time limit, in an error
        assert (await notifier.send(message, "key-1", None)).data == {"status": 200}


@pytest.mark.parametrize("name", CHANNELS)
async def test_silence_ends_at_the_time_limit(fakes: Any, message: Message, name: str) -> None:
    fakes.configure(name, mode="hang", hang_s=120.0)
    began = time.monotonic()
    async with channel(fakes, name) as notifier:
        with pytest.raises(DeliveryUnavailable, match="within 1 s"):
            await notifier.send(message, "key-1", None)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("name", CHANNELS)
async def test_a_rate_limit_says_how_long(fakes: Any, message: Message, name: str) -> None:
    fakes.configure(name, mode="429", retry_after=30)
    async with channel(fakes, name) as notifier:
        with pytest.raises(DeliveryUnavailable) as failure:
            await notifier.send(message, "key-1", None)
    assert failure.value.retry_after == 30
    assert "SECRET" not in str(failure.value)


@pytest.mark.parametrize("name", CHANNELS)
async def test_a_removed_webhook_is_refused(fakes: Any, message: Message, name: str) -> None:
    fakes.configure(name, mode="404")
    async with channel(fakes, name) as notifier:
        with pytest.raises(DeliveryRefused, match="was the webhook removed"):
            await notifier.send(message, "key-1", None)


@pytest.mark.parametrize("name", CHANNELS)
async def test_a_channel_that_is_down_is_worth_a_retry(fakes: Any, message: Message, name: str) -> None:
    async with channel(fakes, name, url="http://127.0.0.1:9/SECRET") as notifier:
        with pytest.raises(DeliveryUnavailable, match="cannot be reached"):
            await notifier.send(message, "key-1", None)


async def test_the_webhooks_body_is_what_the_program_gets(fakes: Any, message: Message) -> None:
    fakes.configure("webhook", body_cap=1_000_000)
    async with channel(fakes, "webhook") as notifier:
        await notifier.send(message, "key-1", None)
    body = json.loads(fakes.stats("webhook")["last"][0]["body"])
    assert (body["schema_version"], body["key"], body["analysis"]["model"]) == ("1", "key-1", "deepseek-v4-pro")
