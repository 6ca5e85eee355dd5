"""Slack's Web API: every answer is 200, and says in its body whether it went well.

Source: https://docs.slack.dev/apis/web-api/ and the error lists of chat.postMessage and chat.update.
"""

from collections.abc import Mapping
from typing import Any

import httpx2
from pydantic import SecretStr

from aiops_processor.errors import DeliveryRefused, DeliveryUnavailable
from aiops_processor.notifiers.http import HttpOptions, Post

MAY_PASS = frozenset(
    {"ratelimited", "rate_limited", "service_unavailable", "internal_error", "fatal_error", "request_timeout"}
)
_NEW_TOKEN = "the token is not valid any more; install the app anew and set SLACK_BOT_TOKEN"  # noqa: S105 - words
_REMEDIES = {
    **dict.fromkeys(
        ("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "no_permission"),
        _NEW_TOKEN,
    ),
    "channel_not_found": "no such channel, or the bot is not in it: set SLACK_CHANNEL to its id and invite the bot",
    "not_in_channel": "invite the bot to the channel",
    "is_archived": "the channel is archived; choose another",
    "missing_scope": "the app lacks a scope: chat:write, for charts files:write",
    "restricted_action": "an administrator of the workspace has to allow it",
    "not_allowed_token_type": "SLACK_BOT_TOKEN must be a bot's (xoxb-…)",
}


class SlackError(DeliveryRefused):
    """Slack said no; `code` is its word for why."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class SlackApi:
    """Asks methods with a bot's token. Raises SlackError, DeliveryRefused and DeliveryUnavailable."""

    def __init__(
        self, url: str, token: SecretStr, seconds: float, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        options = HttpOptions(url=SecretStr(url), timeout_seconds=seconds)
        headers = {
            "authorization": f"Bearer {token.get_secret_value()}",
            "content-type": "application/json; charset=utf-8",
        }
        self.post = Post("slack_bot", options, transport, headers=headers)

    async def call(
        self, method: str, body: Mapping[str, Any] | None, key: str, parameters: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """What it answered, when that was `ok`. Without a body it is asked by GET."""
        verb = "POST" if body is not None else "GET"
        answer = await self.post.ask(
            body, {"Idempotency-Key": key}, path=f"/{method}", method=verb, parameters=parameters
        )
        if answer.get("ok") is True:
            return answer
        code = str(answer.get("error", ""))
        if not code.replace("_", "").isalpha() or len(code) > 60:
            raise DeliveryUnavailable(f"{self.post.who}: {method} gave no answer of Slack's")
        remedy = f" ({_REMEDIES[code]})" if code in _REMEDIES else ""
        message = f"{self.post.who}: {method} answered {code}{remedy}"
        raise DeliveryUnavailable(message) if code in MAY_PASS else SlackError(message, code)
