import hashlib
import hmac
import json
from pathlib import Path

import httpx2
import jsonschema_rs
import pytest

from aiops_processor import plugins
from aiops_processor.errors import PluginError
from aiops_processor.models.notification import Message, Occasion
from aiops_processor.notifiers.webhook import WebhookNotifier, WebhookOptions, schema

pytestmark = pytest.mark.anyio

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "reference" / "webhook.schema.json"


@pytest.fixture
def requests() -> list[httpx2.Request]:
    return []


@pytest.fixture
def transport(requests: list[httpx2.Request]) -> httpx2.MockTransport:
    def take(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(202)

    return httpx2.MockTransport(take)


async def test_the_body_is_versioned_and_complete(
    message: Message, requests: list[httpx2.Request], transport: httpx2.MockTransport
) -> None:
    notifier = WebhookNotifier(WebhookOptions(url="http://sink.example/hook"), transport)
    receipt = await notifier.send(message, "3:analysed:1", None)
    body = json.loads(requests[0].content)
    fields = [
        "alerts",
        "analysis",
        "event",
        "findings",
        "incident",
        "key",
        "more_alerts",
        "schema_version",
        "sent_at",
        "update",
        "url",
    ]
    assert sorted(body) == fields
    assert body["findings"][0]["link"] == "https://grafana.example/explore?m1"
    assert body["findings"][0]["points"] == [[1769860800.0, 0.0], [1769860860.0, 12.4]]
    assert (body["schema_version"], body["event"], body["key"]) == ("1", "analysed", "3:analysed:1")
    assert body["incident"]["id"] == 3
    assert body["alerts"][0]["startsAt"] == "2026-01-31T12:01:00Z"
    assert body["analysis"]["schema_version"] == "1"
    assert (body["url"], body["sent_at"]) == ("https://aiops.example/incidents/3", "2026-01-31T12:08:21Z")
    assert receipt.data == {"status": 202}


async def test_an_analysis_that_is_not_there_yet_is_null(
    message: Message, requests: list[httpx2.Request], transport: httpx2.MockTransport
) -> None:
    first = message.model_copy(update={"occasion": Occasion.OPENED, "analysis": None})
    await WebhookNotifier(WebhookOptions(url="http://sink.example"), transport).send(first, "k", None)
    assert json.loads(requests[0].content)["analysis"] is None


async def test_own_headers_and_a_token_are_sent(
    message: Message, requests: list[httpx2.Request], transport: httpx2.MockTransport
) -> None:
    options = WebhookOptions.model_validate({"url": "http://sink.example", "headers": {"X-Team": "shop"}, "token": "t"})
    await WebhookNotifier(options, transport).send(message, "k", None)
    headers = requests[0].headers
    assert (headers["x-team"], headers["authorization"], headers["idempotency-key"]) == ("shop", "Bearer t", "k")
    assert (headers["user-agent"], headers["content-type"]) == ("aiops-processor", "application/json")


@pytest.mark.parametrize("headers", [{"X": "a\nb"}, {"X\n": "a"}, {"X": "ü"}])
def test_a_header_that_cannot_be_sent_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(PluginError, match="printable ASCII"):
        plugins.make("notifier", "webhook", {"url": "http://sink.example", "headers": headers})


async def test_the_published_schema_is_that_of_what_is_sent(
    message: Message, requests: list[httpx2.Request], transport: httpx2.MockTransport
) -> None:
    """When this fails run scripts/write_webhook_schema.py; what was there must stay within a schema version."""
    published = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert published == schema()
    validator = jsonschema_rs.validator_for(published)
    notifier = WebhookNotifier(WebhookOptions(url="http://sink.example/hook"), transport)
    for occasion in Occasion:
        await notifier.send(message.model_copy(update={"occasion": occasion}), "k", None)
    await notifier.send(message.model_copy(update={"analysis": None, "evidence": None}), "k", None)
    for request in requests:
        validator.validate(json.loads(request.content))
    assert not validator.is_valid({**json.loads(requests[0].content), "event": "closed"})


async def test_a_post_is_signed_as_it_is_sent(
    message: Message, requests: list[httpx2.Request], transport: httpx2.MockTransport
) -> None:
    options = WebhookOptions.model_validate({"url": "http://sink.example", "secret": "s3cret"})
    await WebhookNotifier(options, transport).send(message, "k", None)
    expected = hmac.new(b"s3cret", requests[0].content, hashlib.sha256).hexdigest()
    assert requests[0].headers["x-signature-256"] == f"sha256={expected}"
