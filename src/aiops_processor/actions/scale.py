"""Scaling through a webhook of yours, and only where the analysis names a lack of capacity as the cause."""

from typing import ClassVar

import httpx2
from pydantic import BaseModel, Field

from aiops_processor.actions.capacity import WORDS, capacity_cause
from aiops_processor.actions.webhook import Sender, WebhookOptions
from aiops_processor.models.notification import Message
from aiops_processor.report.words import clean

MOST_CAUSE = 300


class ScaleOptions(WebhookOptions):
    """`words` are what names a lack of capacity in the analysis's cause; below `least_confidence` nothing is done."""

    words: tuple[str, ...] = Field(default=WORDS, min_length=1)
    least_confidence: float = Field(default=0.5, ge=0, le=1)


class ScaleAction:
    """Posts the incident with the cause; what is scaled, and how far, is decided by whoever takes the post."""

    Options: ClassVar[type[BaseModel]] = ScaleOptions

    def __init__(self, options: ScaleOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._options = options
        self._sender = Sender("scale", options, transport)

    def plan(self, message: Message) -> str | None:
        cause = self._cause(message)
        return cause and f"ask {self._sender.host} to scale, because of “{cause}”"

    async def act(self, message: Message, key: str) -> str | None:
        """Raises a DeliveryError."""
        cause = self._cause(message)
        if cause is None:
            return None
        await self._sender.send(message, key, cause)
        return f"asked {self._sender.host} to scale"

    async def aclose(self) -> None:
        await self._sender.aclose()

    def _cause(self, message: Message) -> str | None:
        found = capacity_cause(message.analysis, self._options.words, self._options.least_confidence)
        return None if found is None else clean(found)[:MOST_CAUSE]
