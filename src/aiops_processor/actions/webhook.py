"""An action as a post to any address: a job to start, a function to run. One versioned JSON object."""

import hashlib
import hmac
from datetime import datetime
from typing import ClassVar

import httpx2
from pydantic import BaseModel, SecretStr, field_validator

from aiops_processor.actions.http import Api, ApiOptions
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.base import Frozen
from aiops_processor.models.incident import Incident
from aiops_processor.models.notification import Message, Occasion

SCHEMA_VERSION = "1"


class WebhookOptions(ApiOptions):
    """With `secret` the body is signed: `X-Signature-256: sha256=` and its HMAC, as GitHub signs."""

    secret: SecretStr | None = None

    @field_validator("secret")
    @classmethod
    def _is_one(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not secret.get_secret_value():
            raise ValueError("is empty")
        return secret


class Order(Frozen):
    """The body of a post. `key` is the same on every try, and is sent as `Idempotency-Key`, too.

    `cause` is the sentence for which a scaling was asked for. Fields may be added within a schema version.
    """

    schema_version: str = SCHEMA_VERSION
    action: str
    key: str
    occasion: Occasion
    incident: Incident
    alerts: tuple[Alert, ...]
    analysis: AnalysisResult | None = None
    cause: str = ""
    url: str = ""
    sent_at: datetime


class Sender:
    """Posts orders to one address, which may be a secret as a whole: of it only the host is ever named."""

    def __init__(self, name: str, options: WebhookOptions, transport: httpx2.AsyncBaseTransport | None) -> None:
        self._name = name
        self._secret = options.secret
        self.host = options.endpoint().host
        self._api = Api(name, options, transport, quotes=False)

    async def send(self, message: Message, key: str, cause: str = "") -> None:
        """Raises a DeliveryError."""
        order = Order(
            action=self._name,
            key=key,
            occasion=message.occasion,
            incident=message.incident,
            alerts=message.alerts,
            analysis=message.analysis,
            cause=cause,
            url=message.url,
            sent_at=message.sent_at,
        )
        body = order.model_dump_json(by_alias=True).encode()
        await self._api.send("", body, {"Idempotency-Key": key, **self._signature(body)})

    async def aclose(self) -> None:
        await self._api.aclose()

    def _signature(self, body: bytes) -> dict[str, str]:
        if self._secret is None:
            return {}
        made = hmac.new(self._secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
        return {"X-Signature-256": f"sha256={made}"}


class WebhookAction:
    """Posts the incident. It cannot be asked whether it took a post whose answer was lost: that is shown as unknown."""

    Options: ClassVar[type[BaseModel]] = WebhookOptions

    def __init__(self, options: WebhookOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._sender = Sender("webhook", options, transport)

    def plan(self, message: Message) -> str:
        return f"post incident {message.incident.id} to {self._sender.host}"

    async def act(self, message: Message, key: str) -> str:
        """Raises a DeliveryError."""
        await self._sender.send(message, key)
        return f"posted to {self._sender.host}"

    async def aclose(self) -> None:
        await self._sender.aclose()
