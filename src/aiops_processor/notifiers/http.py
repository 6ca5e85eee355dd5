"""Posting to somebody's HTTP endpoint: one connection pool, one time limit, and what each answer means for a retry."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from aiops_processor.errors import DeliveryError, DeliveryRefused, DeliveryUnavailable
from aiops_processor.notifiers.options import ChannelOptions, SecretAddress
from aiops_processor.notifiers.retry_after import retry_after
from aiops_processor.notifiers.statuses import is_final, remedy

MOST_REFUSAL_BYTES = 2000
MOST_ANSWER_BYTES = 200_000


class HttpOptions(ChannelOptions):
    """An address, and how long it may take."""

    url: SecretAddress


class Refused(DeliveryRefused):
    """A status that is final. `said` is what was answered: for a channel to look at, never to show."""

    def __init__(self, message: str, status: int, said: str) -> None:
        super().__init__(message)
        self.status = status
        self.said = said


class Post:
    """Sends JSON to one address. Follows no redirect: a message goes where it was configured to go.

    `explain` turns the text of a refusal into words for the error. Without it the text is not shown: many servers
    repeat the address there.
    """

    def __init__(
        self,
        channel: str,
        options: HttpOptions,
        transport: httpx2.AsyncBaseTransport | None = None,
        explain: Callable[[str], str] = lambda _: "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._url = httpx2.URL(options.url.get_secret_value())
        self._limit = options.timeout_seconds
        self.host = self._url.host
        self.who = f"{channel} ({self.host})"
        self._explain = explain
        self._client = httpx2.AsyncClient(
            transport=transport,
            timeout=self._limit,
            headers={"user-agent": "aiops-processor", "content-type": "application/json", **(headers or {})},
        )

    async def send(self, body: str, headers: Mapping[str, str]) -> int:
        """The 2xx status that the body was taken with. Raises DeliveryRefused or DeliveryUnavailable.

        The answer's body is not waited for: the status has said that the message was taken.
        """
        return (await self._ask("POST", self._url, body.encode(), headers, most_bytes=0))[0]

    async def ask(
        self,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        *,
        path: str = "",
        method: str = "POST",
        parameters: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The JSON object that is answered, {} where that is none; `path` goes on from the address. Raises the same."""
        url = self._url.copy_with(path=f"{self._url.path.rstrip('/')}{path}").copy_merge_params(dict(parameters or {}))
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        _, text = await self._ask(method, url, content, headers, MOST_ANSWER_BYTES)
        try:
            found = json.loads(text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    async def visit(self) -> None:
        """Ask for the address, and look at the status alone. Raises the same."""
        await self._ask("GET", self._url, b"", {}, most_bytes=0)

    async def upload(self, url: str, content: bytes) -> None:
        """Send bytes to an address that the service gave. Raises the same."""
        await self._ask("POST", httpx2.URL(url), content, {"content-type": "application/octet-stream"}, most_bytes=0)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _ask(
        self, method: str, url: httpx2.URL, content: bytes, headers: Mapping[str, str], most_bytes: int
    ) -> tuple[int, str]:
        # `from None` throughout: the cause holds the request, and with it the address.
        try:
            async with asyncio.timeout(self._limit):
                return await self._asked(method, url, content, headers, most_bytes)
        except (TimeoutError, httpx2.TimeoutException):
            raise DeliveryUnavailable(f"{self.who} did not answer within {self._limit:g} s") from None
        except (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol) as error:
            raise DeliveryRefused(f"{self.who}: no request can be made of these options ({_type(error)})") from None
        except httpx2.RequestError as error:
            raise DeliveryUnavailable(f"{self.who} cannot be reached or broke off ({_type(error)})") from None

    async def _asked(
        self, method: str, url: httpx2.URL, content: bytes, headers: Mapping[str, str], most_bytes: int
    ) -> tuple[int, str]:
        async with self._client.stream(method, url, content=content, headers=dict(headers)) as response:
            if response.is_success:
                return response.status_code, await _head(response, most_bytes) if most_bytes else ""
            raise self._refusal(response, await _head(response, MOST_REFUSAL_BYTES))

    def _refusal(self, response: httpx2.Response, text: str) -> DeliveryError:
        status = response.status_code
        said = [self._explain(text), remedy(status)]
        message = f"{self.who} answered {': '.join(filter(None, (str(status), *said)))}"
        if is_final(status):
            return Refused(message, status, text)
        return DeliveryUnavailable(message, retry_after(response.headers, text))


async def _head(response: httpx2.Response, most_bytes: int) -> str:
    """The first part of an answer's text; what there is of it where the rest does not come."""
    head = b""
    try:
        async for chunk in response.aiter_bytes():
            head += chunk
            if len(head) >= most_bytes:
                break
    except httpx2.RequestError:
        pass  # the status is known, and it is what counts
    return head[:most_bytes].decode("utf-8", "replace")


def _type(error: Exception) -> str:
    return type(error).__name__
