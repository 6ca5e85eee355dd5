"""Incidents for people in Discord, through a channel's webhook: one message each, edited as more is known.

Source: https://docs.discord.com/developers/resources/webhook (embeds: title 256, description 4,096 characters).
"""

from typing import Any, ClassVar

import httpx2
from pydantic import BaseModel

from aiops_processor.models.notification import Message, Occasion, Receipt
from aiops_processor.notifiers import outline
from aiops_processor.notifiers.chat import Markup, code_span, markdown, text, unmentioned
from aiops_processor.notifiers.http import HttpOptions, Post, Refused

MOST_TITLE = 256
MOST_TEXT = 4096
_COLOURS = {Occasion.RESOLVED: 0x2DA44E, Occasion.ANALYSED: 0xBF8700}
_FIRING = 0xCF222E
_ANEW = frozenset({Occasion.OPENED, Occasion.JOINED, Occasion.REMINDED})  # an edit calls nobody

MARKUP = Markup(
    plain=markdown,
    bold=lambda said: f"**{said}**",
    code=code_span,
    link=lambda said, address: f"[{said}](<{address.replace('>', '%3E').replace(' ', '%20')}>)",
)


class DiscordNotifier:
    """Posts and edits. The receipt is the message's id. An edit that is repeated changes nothing."""

    deduplicates = True
    acknowledges = True
    Options: ClassVar[type[BaseModel]] = HttpOptions

    def __init__(self, options: HttpOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.name = "discord"
        self._post = Post(self.name, options, transport)
        self.hosts = (self._post.host,)

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:
        """Raises DeliveryRefused or DeliveryUnavailable."""
        id_ = str(previous.data.get("id", "")) if previous else ""
        if id_ and message.occasion not in _ANEW:
            try:
                await self._post.ask(_body(message), {"Idempotency-Key": key}, path=f"/messages/{id_}", method="PATCH")
                return Receipt(data={"id": id_})
            except Refused as error:
                if error.status != 404:  # somebody deleted it: it is posted anew
                    raise
        # Without `wait` Discord answers before it has made the message, and tells no id.
        answer = await self._post.ask(_body(message), {"Idempotency-Key": key}, parameters={"wait": "true"})
        return Receipt(data={"id": str(answer.get("id", ""))})

    async def aclose(self) -> None:
        await self._post.aclose()


def _body(message: Message) -> dict[str, Any]:
    title = unmentioned(outline.title(message))
    embed = {
        "title": title if len(title) <= MOST_TITLE else f"{title[: MOST_TITLE - 1]}…",
        "description": text(message, MARKUP, MOST_TEXT, titled=False),
        "color": _COLOURS.get(message.occasion, _FIRING),
        "timestamp": message.sent_at.isoformat(),
    }
    if message.url:
        embed["url"] = message.url
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}
