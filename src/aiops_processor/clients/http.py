"""Asking one HTTP service: one kept connection pool, credentials, a deadline, bounded retries, our own error tree."""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx2

from aiops_processor.clients.endpoint import Endpoint, basic_auth, parsed, request_headers, tls_context
from aiops_processor.clients.refusal import Source, is_html, no_answer, refusal, retry_after
from aiops_processor.errors import ConfigError, SourceError, SourceRefused, SourceUnavailable, SourceUnreadable

__all__ = ["Endpoint", "Parameters", "Retries", "Service"]

Parameters = Mapping[str, str | Sequence[str]]

MOST_BYTES = 64 * 1024 * 1024
_PASSING = frozenset({429, 502, 503, 504})
_NOT_THERE = frozenset({400, 404, 405, 501})
_JSON = {"Content-Type": "application/json"}
_MOST_REDIRECTS = 3
_ONE_TRY = 0.6  # of the deadline: a try that hangs on a dead kept connection leaves time for another one


@dataclass(frozen=True)
class Retries:
    """How often one call is tried, and how long it waits between tries (seconds, doubled each time, with jitter).

    A server that asks (`Retry-After`) for more than `longest_wait` is not waited for.
    """

    tries: int = 3
    first_wait: float = 0.1
    longest_wait: float = 3.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random

    def wait(self, tried: int, asked: float | None) -> float | None:
        """Seconds to wait after so many tries, None where there shall be no other."""
        if tried >= self.tries or (asked or 0) > self.longest_wait:
            return None
        backed_off = self.first_wait * 2 ** (tried - 1) * (0.5 + self.jitter())
        return min(max(backed_off, asked or 0), self.longest_wait)


_ONCE = Retries(tries=1)


@dataclass(frozen=True)
class _Reply:
    status: int
    headers: httpx2.Headers
    body: bytes


class Service:
    """One HTTP service. Every method raises a SourceError where there is no usable answer.

    `transport` stands in for the network: an in-process server, or a test's. Making one raises ConfigError for an
    address that is none, a certificate file that cannot be read and a header that cannot be sent.
    """

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        transport: httpx2.AsyncBaseTransport | None = None,
        retries: Retries | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.source = Source(name, endpoint.host, endpoint.secrets)
        if not endpoint.host:
            raise ConfigError(f"{self.source.setting('URL')}: expected an address such as http://localhost:9090")
        self._endpoint = endpoint
        self._retries = retries or Retries()
        self._most_bytes = most_bytes
        self._takes_forms = True
        self._client = httpx2.AsyncClient(
            transport=transport,
            verify=tls_context(self.source, endpoint),
            headers=request_headers(self.source, endpoint),
            auth=basic_auth(endpoint),
            timeout=httpx2.Timeout(endpoint.timeout_seconds * _ONE_TRY, pool=None),
            limits=httpx2.Limits(max_connections=64, max_keepalive_connections=16),
        )

    async def get(
        self, path: str, parameters: Parameters | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The body of a successful answer to a GET."""
        return self._body(await self._ask("GET", path, parameters or {}, headers or {}))

    async def get_if_there(self, path: str) -> bytes | None:
        """The same without parameters; None where the server does not have this path (400, 404, 405, 501).

        Only for what compatible servers may lack: a wrong `url` is to be seen by every other question.
        """
        reply = await self._ask("GET", path, {}, {})
        return None if reply.status in _NOT_THERE else self._body(reply)

    async def post(self, path: str, form: Parameters, headers: Mapping[str, str] | None = None) -> bytes:
        """The body of a successful answer to a form, which may be long; by GET where the server takes no forms."""
        if self._takes_forms:
            reply = await self._ask("POST", path, form, headers or {})
            if reply.status != 405:
                return self._body(reply)
            self._takes_forms = False
        return await self.get(path, form, headers)

    async def post_json(self, path: str, content: bytes, *, again: bool = True) -> bytes:
        """The body of a successful answer to a JSON document. `again` False where sending it twice does harm."""
        return self._body(await self._ask("POST", path, content, _JSON, again=again))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _body(self, reply: _Reply) -> bytes:
        if not 200 <= reply.status < 300:
            raise self._refusal(reply)
        if is_html(reply.body):
            question = f"is {self.source.setting('URL')} the API or a login page?"
            raise SourceUnreadable(f"{self.source} answered with HTML: {question}")
        return reply.body

    def _refusal(self, reply: _Reply) -> SourceError:
        return refusal(self.source, reply.status, reply.body, retry_after(reply.headers))

    async def _ask(
        self, method: str, path: str, sent: Parameters | bytes, headers: Mapping[str, str], *, again: bool = True
    ) -> _Reply:
        try:
            request = self._request(method, path, sent, headers)
        except httpx2.InvalidURL:  # longer than an address may be
            raise SourceRefused(f"{self.source} was not asked: the question is too long for an address") from None
        failures: list[SourceError] = []
        try:
            async with asyncio.timeout(self._endpoint.timeout_seconds):
                return await self._tried(request, failures, self._retries if again else _ONCE)
        except TimeoutError:
            before = f"; before that: {failures[-1]}" if failures else ""
            seconds = f"{self._endpoint.timeout_seconds:g} seconds"
            raise SourceUnavailable(f"{self.source} gave no answer within {seconds}{before}") from None

    def _request(
        self, method: str, path: str, content: Parameters | bytes, headers: Mapping[str, str]
    ) -> httpx2.Request:
        url = self._endpoint.url.rstrip("/") + path
        if isinstance(content, bytes):
            return self._client.build_request(method, url, content=content, headers=headers)
        sent = {name: value if isinstance(value, str) else list(value) for name, value in content.items()}
        if method == "POST":
            return self._client.build_request(method, url, data=sent, headers=headers)
        return self._client.build_request(method, url, params=sent, headers=headers)

    async def _tried(self, request: httpx2.Request, failures: list[SourceError], retries: Retries) -> _Reply:
        """The answer of the last try. What failed before is noted in `failures`, for the message of a deadline."""
        while True:
            try:
                reply = await self._followed(request)
                if reply.status not in _PASSING:
                    return reply
                failure = self._refusal(reply)
            except (httpx2.HTTPError, ssl.SSLError) as error:
                # In TLS 1.3 a server refuses our certificate after the handshake, where httpx2 wraps no SSLError.
                failure = no_answer(self.source, error)
            if not isinstance(failure, SourceUnavailable):
                raise failure
            failures.append(failure)
            wait = retries.wait(len(failures), failure.retry_after)
            if wait is None:
                raise failure
            await retries.sleep(wait)

    async def _followed(self, request: httpx2.Request) -> _Reply:
        for _ in range(_MOST_REDIRECTS + 1):
            reply = await self._once(request)
            location = reply.headers.get("location")
            if not (300 <= reply.status < 400 and location):
                return reply
            request = self._redirected(request, location)
        raise SourceRefused(f"{self.source} redirects in a circle: check {self.source.setting('URL')}")

    async def _once(self, request: httpx2.Request) -> _Reply:
        response = await self._client.send(request, stream=True)
        try:
            chunks = bytearray()
            async for chunk in response.aiter_bytes():
                chunks += chunk
                if len(chunks) > self._most_bytes:
                    raise self._too_much()
            return _Reply(response.status_code, response.headers, bytes(chunks))
        finally:
            await response.aclose()

    def _too_much(self) -> SourceRefused:
        size = f"{self._most_bytes / 1024 / 1024:g} MB"
        return SourceRefused(
            f"{self.source} answered more than {size}: ask for fewer series, a longer step or a shorter time"
        )

    def _redirected(self, request: httpx2.Request, location: str) -> httpx2.Request:
        """The same question at the other address, on the same host only: our credentials go along."""
        old, new = request.url, parsed(location, request.url)
        if new is None or new.host != old.host or (old.scheme, new.scheme) == ("https", "http"):
            where = f"{new.scheme}://{new.host}" if new else "nowhere"
            raise SourceRefused(f"{self.source} redirects to {where}: set {self.source.setting('URL')} to what answers")
        url = new if new.query or request.method == "POST" else new.copy_with(query=old.query)
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
        return self._client.build_request(request.method, url, content=request.content or None, headers=headers)
