"""Incidents for people in Mattermost, through an incoming webhook, which gives no receipt: every message stands alone.

Source: https://developers.mattermost.com/integrate/webhooks/incoming/ (16,383 characters).
"""

import json
from typing import ClassVar

import httpx2
from pydantic import BaseModel

from aiops_processor.models.notification import Message, Receipt
from aiops_processor.notifiers.chat import Markup, code_span, markdown, text
from aiops_processor.notifiers.http import HttpOptions, Post

MOST_TEXT = 16_000

MARKUP = Markup(
    plain=markdown,
    bold=lambda said: f"**{said}**",
    code=code_span,
    link=lambda said, address: f"[{said}](<{address.replace('>', '%3E').replace(' ', '%20')}>)",
)


class MattermostNotifier:
    """Posts each message."""

    Options: ClassVar[type[BaseModel]] = HttpOptions

    def __init__(self, options: HttpOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.name = "mattermost"
        self._post = Post(self.name, options, transport)
        self.hosts = (self._post.host,)

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - no receipt to edit by
        """Raises DeliveryRefused or DeliveryUnavailable."""
        # Line breaks alone are none in Markdown's paragraphs; Mattermost keeps them.
        body = json.dumps({"text": text(message, MARKUP, MOST_TEXT)}, ensure_ascii=False)
        return Receipt(data={"status": await self._post.send(body, {"Idempotency-Key": key})})

    async def aclose(self) -> None:
        await self._post.aclose()
