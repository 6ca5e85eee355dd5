"""Posting to somebody's HTTP endpoint: one connection pool, one time limit, and what each answer means for a retry."""

import asyncio
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from aiops_processor.errors import DeliveryError, DeliveryRefused, DeliveryUnavailable

MOST_ANSWER_BYTES = 2000
LONGEST_RETRY_AFTER = 24 * 3600.0

_MAY_PASS = frozenset({408, 425, 429})
_REMEDIES = {
    401: "it wants other credentials",
    403: "it wants other credentials",
    404: "no such address; was the webhook removed?",
    410: "no such address; was the webhook removed?",
    413: "the message is too large for it",
}


class HttpOptions(BaseModel):
    """An address, secret as a whole, for its path often is the password."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: SecretStr
    timeout_seconds: float = Field(default=10, gt=0, description="for one message, from connecting to the answer")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: SecretStr) -> SecretStr:
        try:
            httpx2.URL(url.get_secret_value())
            parts = urlsplit(url.get_secret_value())
        except (httpx2.InvalidURL, ValueError):
            raise ValueError("is no URL") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("expected http:// or https:// and a host")
        return url


class Post:
    """POSTs JSON to one address. Follows no redirect: a message goes where it was configured to go.

    `explain` turns the text of a refusal into words for the error. Without it the text is not shown: many servers
    repeat the address there.
    """

    def __init__(
        self,
        channel: str,
        options: HttpOptions,
        transport: httpx2.AsyncBaseTransport | None = None,
        explain: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._url = options.url.get_secret_value()
        self._limit = options.timeout_seconds
        self._who = f"{channel} ({urlsplit(self._url).hostname})"
        self._explain = explain
        self._client = httpx2.AsyncClient(
            transport=transport,
            timeout=self._limit,
            headers={"user-agent": "aiops-processor", "content-type": "application/json"},
        )

    async def send(self, body: str, headers: Mapping[str, str]) -> int:
        """The 2xx status that the body was taken with. Raises DeliveryRefused or DeliveryUnavailable."""
        # `from None` throughout: the cause holds the request, and with it the address.
        try:
            async with asyncio.timeout(self._limit):
                return await self._send(body, headers)
        except (TimeoutError, httpx2.TimeoutException):
            raise DeliveryUnavailable(f"{self._who} did not answer within {self._limit:g} s") from None
        except (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol) as error:
            raise DeliveryRefused(f"{self._who}: no request can be made of these options ({_type(error)})") from None
        except httpx2.RequestError as error:
            raise DeliveryUnavailable(f"{self._who} cannot be reached or broke off ({_type(error)})") from None

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _send(self, body: str, headers: Mapping[str, str]) -> int:
        async with self._client.stream("POST", self._url, content=body.encode(), headers=dict(headers)) as response:
            if response.is_success:
                # The body is not waited for: the status has said that the message was taken.
                return response.status_code
            raise self._refusal(response, await _head(response))

    def _refusal(self, response: httpx2.Response, text: str) -> DeliveryError:
        status = response.status_code
        said = [self._explain(text), _REMEDIES.get(status, "it redirects; configure where to" if status < 400 else "")]
        message = f"{self._who} answered {': '.join(filter(None, (str(status), *said)))}"
        if status in _MAY_PASS or status >= 500:
            return DeliveryUnavailable(message, retry_after(response.headers))
        return DeliveryRefused(message)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `Retry-After` (RFC 9110, 10.2.3), at most a day; None where it says nothing.

    A date is read against the answer's own `Date`, for our clock may differ from the server's.
    """
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        now, then = _date(headers.get("date", "")), _date(value)
        if now is None or then is None:
            return None
        seconds = max(0.0, (then - now).total_seconds())
    return min(seconds, LONGEST_RETRY_AFTER) if seconds >= 0 and not math.isnan(seconds) else None


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


async def _head(response: httpx2.Response) -> str:
    """The first part of an answer's text; what there is of it where the rest does not come."""
    head = b""
    try:
        async for chunk in response.aiter_bytes():
            head += chunk
            if len(head) >= MOST_ANSWER_BYTES:
                break
    except httpx2.RequestError:
        pass  # the status is known, and it is what counts
    return head[:MOST_ANSWER_BYTES].decode("utf-8", "replace")


def _type(error: Exception) -> str:
    return type(error).__name__
