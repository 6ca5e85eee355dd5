"""Incidents for people in Telegram, by a bot: one message each, edited as more is known, and news as replies to it.

Source: https://core.telegram.org/bots/api#sendmessage (4,096 characters; HTML with &, < and > escaped).
"""

import json
import re
from html import escape
from typing import Any, ClassVar

import httpx2
from pydantic import BaseModel, Field, SecretStr

from aiops_processor.errors import DeliveryUnavailable
from aiops_processor.models.notification import Message, Occasion, Receipt
from aiops_processor.notifiers import outline
from aiops_processor.notifiers.chat import Markup, text, unmentioned
from aiops_processor.notifiers.http import HttpOptions, Post, Refused
from aiops_processor.notifiers.options import Address, ChannelOptions, Secret
from aiops_processor.report import words

MOST_TEXT = 4096
_SAID = {
    "chat not found": "no such chat, or the bot is not in it: look at TELEGRAM_CHAT_ID",
    "bot was kicked": "the bot was removed from the chat",
    "bot was blocked": "the bot was blocked by the person",
    "unauthorized": "the token is not valid; look at TELEGRAM_BOT_TOKEN",
    "not enough rights": "the bot may not write in the chat",
}

MARKUP = Markup(
    plain=lambda said: escape(unmentioned(said), quote=False),
    bold=lambda said: f"<b>{said}</b>",
    code=lambda said: f"<code>{escape(words.clean(said), quote=False)}</code>",
    link=lambda said, address: f'<a href="{escape(address, quote=True)}">{said}</a>',
)


class TelegramOptions(ChannelOptions):
    """A bot's token, and the chat: a number, or `@name` of a public channel."""

    token: Secret
    chat_id: str = Field(pattern=r"^(-?\d+|@\w+)$")
    url: Address = "https://api.telegram.org"


class TelegramNotifier:
    """Sends, edits, and replies. The receipt is the message's number."""

    deduplicates = True
    acknowledges = True
    Options: ClassVar[type[BaseModel]] = TelegramOptions

    def __init__(self, options: TelegramOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.name = "telegram"
        self._chat = options.chat_id
        # The token is a part of the address: errors name its host alone.
        url = SecretStr(f"{options.url.rstrip('/')}/bot{options.token.get_secret_value()}")
        where = HttpOptions(url=url, timeout_seconds=options.timeout_seconds)
        self._post = Post(self.name, where, transport, explain=_explained)
        self.hosts = (self._post.host,)

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:
        """Raises DeliveryRefused or DeliveryUnavailable."""
        number = previous.data.get("message_id") if previous else None
        if not isinstance(number, int) or not await self._edited(message, key, number):
            return Receipt(data={"message_id": await self._sent(text(message, MARKUP, MOST_TEXT), key, {})})
        if message.occasion is not Occasion.ANALYSED or message.update:
            to = {"reply_parameters": {"message_id": number, "allow_sending_without_reply": True}}
            await self._sent(MARKUP.plain(outline.short(message)[:1000]), key, to)
        return Receipt(data={"message_id": number})

    async def aclose(self) -> None:
        await self._post.aclose()

    async def _sent(self, said: str, key: str, more: dict[str, Any]) -> int:
        answer = await self._call("/sendMessage", {**self._body(said), **more}, key)
        result = answer.get("result")
        number = result.get("message_id") if isinstance(result, dict) else None
        if not isinstance(number, int):
            raise DeliveryUnavailable(f"{self._post.who} gave no answer of Telegram's")
        return number

    async def _edited(self, message: Message, key: str, number: int) -> bool:
        """Whether the message is there any more, and may be edited."""
        try:
            body = self._body(text(message, MARKUP, MOST_TEXT))
            await self._call("/editMessageText", {**body, "message_id": number}, key)
        except Refused as error:
            if re.search(r"message is not modified", error.said):
                return True
            if re.search(r"message to edit not found|message can't be edited|MESSAGE_ID_INVALID", error.said):
                return False
            raise
        return True

    def _body(self, said: str) -> dict[str, Any]:
        preview = {"is_disabled": True}
        return {"chat_id": self._chat, "text": said, "parse_mode": "HTML", "link_preview_options": preview}

    async def _call(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        return await self._post.ask(body, {"Idempotency-Key": key}, path=path)


def _explained(said: str) -> str:
    """Telegram's reason in our words: its own may repeat what was sent."""
    try:
        answer = json.loads(said)
        found, more = str(answer.get("description", "")).lower(), answer.get("parameters") or {}
        moved = more.get("migrate_to_chat_id")
    except (ValueError, AttributeError):
        return ""
    if isinstance(moved, int):
        return f"the group became a supergroup, with another number: set TELEGRAM_CHAT_ID={moved}"
    return next((ours for part, ours in _SAID.items() if part in found), "")
