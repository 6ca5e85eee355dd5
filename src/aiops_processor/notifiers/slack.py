"""Incidents for people in Slack, through an incoming webhook.

Such a webhook gives no receipt to edit or thread by: every message stands alone.
Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

import json
import re
from typing import ClassVar

import httpx2
from pydantic import BaseModel

from aiops_processor.models.notification import Message, Receipt
from aiops_processor.notifiers.http import HttpOptions, Post
from aiops_processor.notifiers.slack_blocks import body

_CODE = re.compile(r"[a-z]+(?:_[a-z]+)+")
_REMEDIES = {
    "action_prohibited": "an administrator of the workspace has to allow it",
    "channel_is_archived": "the channel is archived; make a webhook for another",
    "channel_not_found": "the channel is gone; make a webhook for another",
    "invalid_token": "the webhook was revoked; make a new one",
    "no_active_hooks": "the webhook was switched off; make a new one",
    "no_service": "the webhook was removed; make a new one",
    "no_team": "the workspace is gone",
    "team_disabled": "the workspace is gone",
    "posting_to_general_channel_denied": "an administrator of the workspace has to allow it",
}


class SlackNotifier:
    """Posts each message to an incoming webhook. Slack takes no key, so a repeat after a kill is seen twice."""

    Options: ClassVar[type[BaseModel]] = HttpOptions

    def __init__(self, options: HttpOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.name = "slack"
        self._post = Post(self.name, options, transport, explain=_explained)
        self.hosts = (self._post.host,)

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - no receipt to edit by
        """Raises DeliveryRefused or DeliveryUnavailable."""
        status = await self._post.send(json.dumps(body(message), ensure_ascii=False), {"Idempotency-Key": key})
        return Receipt(data={"status": status})

    async def aclose(self) -> None:
        await self._post.aclose()


def _explained(text: str) -> str:
    """Slack's own code for what is wrong, with the remedy where there is one; "" for any other text."""
    code = _CODE.match(text)
    if code is None:
        return ""
    return f"{code[0]} ({_REMEDIES[code[0]]})" if code[0] in _REMEDIES else code[0]
