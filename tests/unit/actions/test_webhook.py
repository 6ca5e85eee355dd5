"""Orders to a webhook of one's own, and scaling through one."""

import hashlib
import hmac
from typing import Any

import httpx2
import pytest

from aiops_processor.actions.webhook import Order
from aiops_processor.models.analysis import Verdict
from aiops_processor.models.notification import Message

pytestmark = pytest.mark.anyio


@pytest.fixture
def starved(message: Message) -> Message:
    assert message.analysis is not None
    cause = {"root_cause": "checkout has run out of capacity [M1].", "outcome": Verdict.FOUND, "confidence": 0.9}
    return message.model_copy(update={"analysis": message.analysis.model_copy(update=cause)})


async def test_the_order_is_versioned_signed_and_has_its_key(site: Any, message: Message) -> None:
    site.answers["POST /hook"] = httpx2.Response(202)
    action = site.action("webhook", url="https://w.example/hook", secret="s", headers={"X-Team": "shop"})
    assert action.plan(message) == f"post incident {message.incident.id} to w.example"
    assert await action.act(message, "key-1") == "posted to w.example"
    (request,) = site.requests
    order = Order.model_validate_json(request.content)
    assert (order.schema_version, order.action, order.key, order.incident) == (
        "1",
        "webhook",
        "key-1",
        message.incident,
    )
    assert order.analysis == message.analysis
    made = hmac.new(b"s", request.content, hashlib.sha256).hexdigest()
    assert request.headers["x-signature-256"] == f"sha256={made}"
    assert (request.headers["idempotency-key"], request.headers["x-team"]) == ("key-1", "shop")


async def test_it_scales_for_a_lack_of_capacity_and_for_nothing_else(
    site: Any, message: Message, starved: Message
) -> None:
    site.answers["POST /scale"] = httpx2.Response(200)
    action = site.action("scale", url="https://w.example/scale", token="t")
    assert action.plan(message) is None
    assert await action.act(message, "k") is None
    assert site.requests == []
    plan = "ask w.example to scale, because of “checkout has run out of capacity [M1].”"
    assert action.plan(starved) == plan
    assert await action.act(starved, "k") == "asked w.example to scale"
    (body,) = site.bodies()
    assert body["cause"] == "checkout has run out of capacity [M1]."
    assert site.requests[0].headers["authorization"] == "Bearer t"
