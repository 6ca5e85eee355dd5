"""Asking a service to do something: what is certain about each answer, and what is not.

A request that broke off may have been taken. That is an error of its own (DeliveryUncertain): whoever asked looks
before it asks again.
"""

import asyncio
from collections.abc import Mapping
from typing import TypeVar

import httpx2
import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from aiops_processor.clients.endpoint import Endpoint, basic_auth, parsed, request_headers, tls_context
from aiops_processor.clients.refusal import Source, retry_after
from aiops_processor.errors import DeliveryError, DeliveryRefused, DeliveryUnavailable, DeliveryUncertain

T = TypeVar("T")

MOST_BYTES = 8 * 1024 * 1024
_NOT_BEGUN = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_NOT_TAKEN = frozenset({425, 429, 503})
_NOT_THERE = frozenset({404, 405, 410})
_REMEDIES = {
    401: "it wants other credentials",
    403: "it wants other credentials, or more rights for these",
    404: "no such address or project, or no right to see it",
}


class ApiOptions(BaseModel):
    """Where a service is, and who we are there. `token` is sent as a bearer token.

    `timeout_seconds` is for one request; the action as a whole has a limit of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str
    token: SecretStr | None = None
    username: str = ""
    password: SecretStr | None = None
    ca_file: str = ""
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    timeout_seconds: float = Field(default=10, gt=0)

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        found = parsed(url)
        if found is None or found.scheme not in ("http", "https") or not found.host:
            raise ValueError("expected http:// or https:// and a host")
        return url

    def endpoint(self) -> Endpoint:
        return Endpoint.model_validate({name: getattr(self, name) for name in ApiOptions.model_fields})


class Api:
    """One service. Follows no redirect: what is asked for goes where it was configured to go."""

    def __init__(
        self, name: str, options: ApiOptions, transport: httpx2.AsyncBaseTransport | None = None, *, quotes: bool = True
    ) -> None:
        """`quotes` False where an answer may repeat a secret that we do not know, such as the address' own path."""
        endpoint = options.endpoint()
        source = Source(f"action/{name}", endpoint.host, endpoint.secrets)
        self._who = f"{name} ({endpoint.host})"
        self._source = source
        self._base = endpoint.url.rstrip("/")
        self._limit = options.timeout_seconds
        self._quotes = quotes
        self._client = httpx2.AsyncClient(
            transport=transport,
            verify=tls_context(source, endpoint),
            headers={"user-agent": "aiops-processor", **request_headers(source, endpoint)},
            auth=basic_auth(endpoint),
            timeout=self._limit,
        )

    async def read(self, path: str, parameters: Mapping[str, str], shape: type[T]) -> T:
        """What it answers to a GET. Raises DeliveryRefused or DeliveryUnavailable: nothing was changed by it."""
        try:
            body = await self._ask("GET", path, parameters=parameters)
        except DeliveryUncertain as error:
            raise DeliveryUnavailable(str(error), error.retry_after) from None
        try:
            return msgspec.json.decode(body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise DeliveryRefused(f"{self._who} answered what is not its API: is the url right?") from None

    async def read_if_there(self, path: str, parameters: Mapping[str, str], shape: type[T]) -> T | None:
        """The same; None where the service does not have this path (404, 405, 410)."""
        try:
            return await self.read(path, parameters, shape)
        except _NotThere:
            return None

    async def write(self, path: str, content: bytes, shape: type[T], headers: Mapping[str, str] | None = None) -> T:
        """What it answers to a POST of this JSON. Raises a DeliveryError, DeliveryUncertain among them."""
        body = await self._ask("POST", path, content=content, headers=headers)
        try:
            return msgspec.json.decode(body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise DeliveryUncertain(f"{self._who} took it and answered what is not its API") from None

    async def send(self, path: str, content: bytes, headers: Mapping[str, str]) -> None:
        """POST this JSON; the body of the answer does not matter. Raises a DeliveryError."""
        await self._ask("POST", path, content=content, headers=headers)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        # `from None` throughout: the cause holds the request, and with it the address and the credentials.
        sent = {**({"content-type": "application/json"} if content is not None else {}), **(headers or {})}
        try:
            async with asyncio.timeout(self._limit):
                request = self._client.build_request(
                    method, self._base + path, params=parameters or None, content=content, headers=sent
                )
                response = await self._client.send(request, stream=True)
                try:
                    body = await _body(response)
                finally:
                    await response.aclose()
        except _NOT_BEGUN as error:
            raise DeliveryUnavailable(f"{self._who} cannot be reached ({type(error).__name__})") from None
        except (TimeoutError, httpx2.TimeoutException):
            raise DeliveryUncertain(f"{self._who} did not answer within {self._limit:g} s") from None
        except (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            raise DeliveryRefused(f"{self._who}: no request can be made of this ({type(error).__name__})") from None
        except httpx2.HTTPError as error:
            raise DeliveryUncertain(f"{self._who} broke off ({type(error).__name__})") from None
        if not response.is_success:
            raise self._refusal(response, body)
        return body

    def _refusal(self, response: httpx2.Response, body: bytes) -> DeliveryError:
        status = response.status_code
        said = self._source.says(body[:2000].decode("utf-8", "replace")) if self._quotes and status < 500 else ""
        remedy = _REMEDIES.get(status, "it redirects; configure where to" if status < 400 else "")
        message = f"{self._who} answered {': '.join(filter(None, (str(status), remedy, said)))}"
        if status in _NOT_TAKEN:
            return DeliveryUnavailable(message, retry_after(response.headers))
        if status >= 500 or status == 408:
            return DeliveryUncertain(message, retry_after(response.headers))
        return (_NotThere if status in _NOT_THERE else DeliveryRefused)(message)


class _NotThere(DeliveryRefused):
    """The service does not have this path."""


async def _body(response: httpx2.Response) -> bytes:
    found = bytearray()
    async for part in response.aiter_bytes():
        found += part
        if len(found) > MOST_BYTES:
            raise httpx2.DecodingError("more than an answer can be")
    return bytes(found)
