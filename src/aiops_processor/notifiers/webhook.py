"""Incidents for programs: one versioned JSON object, posted to any address.

Its schema is docs/reference/webhook.schema.json. It is signed as GitHub signs: the hexadecimal HMAC-SHA256 of the body.
"""

import hashlib
import hmac
from datetime import datetime
from typing import Any, ClassVar

import httpx2
from pydantic import BaseModel, Field, SecretStr, field_validator

from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.base import Frozen
from aiops_processor.models.evidence import Evidence
from aiops_processor.models.incident import Incident
from aiops_processor.models.notification import Message, Occasion, Receipt
from aiops_processor.notifiers.http import HttpOptions, Post
from aiops_processor.notifiers.options import Secret
from aiops_processor.report import words

PAYLOAD_VERSION = "1"
SIGNATURE = "X-Signature-256"


class WebhookOptions(HttpOptions):
    """Where to, and with which headers. `token` is sent as a bearer token, `secret` signs."""

    headers: dict[str, SecretStr] = Field(default_factory=dict)
    token: SecretStr | None = None
    secret: Secret | None = None

    @field_validator("headers")
    @classmethod
    def _fit_a_request(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        parts = [part for name, value in headers.items() for part in (name, value.get_secret_value())]
        if not all(part.isascii() and part.isprintable() for part in parts):
            raise ValueError("a header is printable ASCII on one line")
        return headers


class Payload(Frozen):
    """The body of a post. `event` says why it comes; `key` is the same on every retry.

    `findings` are the strongest, each with its query, links, numbers and the points of its chart. Of a storm only some
    `alerts` are here, and `more_alerts` says how many others there are.

    Fields may be added within a schema version; none is removed or given another meaning.
    """

    schema_version: str = PAYLOAD_VERSION
    event: Occasion
    key: str
    incident: Incident
    alerts: tuple[Alert, ...]
    more_alerts: int = 0
    analysis: AnalysisResult | None
    findings: tuple[Evidence, ...] = ()
    update: bool = False
    url: str
    sent_at: datetime


def schema() -> dict[str, Any]:
    """The JSON schema of a post (draft 2020-12). Who reads posts should take no notice of fields that are added."""
    made = Payload.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_open(made)}


def _open(value: Any) -> Any:
    """The same, in which fields may be added: our own types are strict about what they are made of."""
    if isinstance(value, list):
        return [_open(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _open(item) for name, item in value.items() if (name, item) != ("additionalProperties", False)}


class WebhookNotifier:
    """Posts each message with its key as `Idempotency-Key`, by which the receiver can drop a repeat."""

    deduplicates = True
    Options: ClassVar[type[BaseModel]] = WebhookOptions

    def __init__(self, options: WebhookOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.name = "webhook"
        self._post = Post(self.name, options, transport)
        self.hosts = (self._post.host,)
        self._secret = options.secret.get_secret_value().encode() if options.secret else b""
        self._headers = {name: value.get_secret_value() for name, value in options.headers.items()}
        if options.token:
            self._headers["Authorization"] = f"Bearer {options.token.get_secret_value()}"

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - a post is never edited
        """Raises DeliveryRefused or DeliveryUnavailable."""
        payload = Payload(
            event=message.occasion,
            key=key,
            incident=message.incident,
            alerts=message.alerts,
            more_alerts=message.more_alerts,
            analysis=message.analysis,
            findings=words.strongest(message.evidence),
            update=message.update,
            url=message.url,
            sent_at=message.sent_at,
        )
        body = payload.model_dump_json(by_alias=True)
        headers = {**self._headers, "Idempotency-Key": key, **self._signature(body)}
        return Receipt(data={"status": await self._post.send(body, headers)})

    async def aclose(self) -> None:
        await self._post.aclose()

    def _signature(self, body: str) -> dict[str, str]:
        if not self._secret:
            return {}
        return {SIGNATURE: f"sha256={hmac.new(self._secret, body.encode(), hashlib.sha256).hexdigest()}"}
