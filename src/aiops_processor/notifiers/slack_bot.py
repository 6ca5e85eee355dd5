"""Incidents for people in Slack, by a bot: one message each, edited as more is known, and news in its thread.

Source: https://docs.slack.dev/reference/methods/chat.postMessage and chat.update.
"""

from typing import Any, ClassVar

import httpx2
from pydantic import BaseModel, Field

from aiops_processor.models.notification import Message, Occasion, Receipt
from aiops_processor.notifiers import outline
from aiops_processor.notifiers.charts import picture, require
from aiops_processor.notifiers.options import Address, ChannelOptions, Secret
from aiops_processor.notifiers.slack_api import SlackApi, SlackError
from aiops_processor.notifiers.slack_blocks import MOST_TEXT, body, plain
from aiops_processor.notifiers.slack_buttons import blocks
from aiops_processor.notifiers.slack_files import FILES, share

_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_TO_ALL = frozenset(
    {Occasion.OPENED, Occasion.JOINED, Occasion.REMINDED, Occasion.APPROVAL}
)  # replies that the channel sees, too


class SlackBotOptions(ChannelOptions):
    """A bot's token (`xoxb-…`, scope chat:write, for charts files:write) and the channel's id."""

    token: Secret
    channel: str = Field(min_length=1, max_length=80)
    url: Address = "https://slack.com/api"
    charts: bool = False
    buttons: bool = Field(default=False, description="where what is pressed can reach us")


class SlackBotNotifier:
    """Posts, edits, and replies. The receipt is where the message stands: `channel` and `ts`.

    An edit that is repeated changes nothing, so updates may be sent again; the line in the thread may be seen twice.
    """

    deduplicates = True
    acknowledges = True
    Options: ClassVar[type[BaseModel]] = SlackBotOptions

    def __init__(self, options: SlackBotOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.name = "slack_bot"
        self._channel = options.channel
        self._api = SlackApi(options.url, options.token, options.timeout_seconds, transport)
        self._charts = options.charts
        self.approves = self._buttons = options.buttons
        if options.charts:
            require(self.name)
        self.hosts = (self._api.post.host, *((FILES,) if options.charts else ()))

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:
        """Raises DeliveryRefused or DeliveryUnavailable."""
        place = _place(previous)
        if place is None or not await self._edited(message, key, place):
            place = await self._posted(message, key)
        elif message.occasion is not Occasion.ANALYSED or message.update:
            await self._reply(message, key, place)
        if self._charts and (drawn := await picture(message)):
            await share(self._api, drawn, place["channel"], place["ts"], key)
        return Receipt(data=dict(place))

    async def aclose(self) -> None:
        await self._api.post.aclose()

    async def _posted(self, message: Message, key: str) -> dict[str, str]:
        answer = await self._api.call("chat.postMessage", {"channel": self._channel, **self._body(message)}, key)
        # The channel's id: chat.update takes no name.
        return {"channel": str(answer.get("channel", self._channel)), "ts": str(answer.get("ts", ""))}

    async def _edited(self, message: Message, key: str, place: dict[str, str]) -> bool:
        """Whether the message is there any more: somebody may have deleted it."""
        try:
            await self._api.call("chat.update", {**place, **_editable(self._body(message))}, key)
        except SlackError as error:
            if error.code in _GONE:
                return False
            raise
        return True

    def _body(self, message: Message) -> dict[str, Any]:
        told = body(message)
        return {**told, "blocks": [*told["blocks"], *blocks(message)]} if self._buttons else told

    async def _reply(self, message: Message, key: str, place: dict[str, str]) -> None:
        reply = {
            "channel": place["channel"],
            "thread_ts": place["ts"],
            "reply_broadcast": message.occasion in _TO_ALL,
            "text": plain(outline.short(message), MOST_TEXT),
            "mrkdwn": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        await self._api.call("chat.postMessage", reply, key)


def _place(previous: Receipt | None) -> dict[str, str] | None:
    """Where the incident's message stands, None where there is none yet."""
    found = {name: str(previous.data.get(name, "")) for name in ("channel", "ts")} if previous else {}
    return found if found.get("channel") and found.get("ts") else None


def _editable(block: dict[str, Any]) -> dict[str, Any]:
    """Without what chat.update does not know."""
    return {name: value for name, value in block.items() if name in {"text", "blocks", "parse", "link_names"}}
