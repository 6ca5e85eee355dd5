"""Runbooks: a folder of Markdown, or the address in an alert's annotation where its host is allowed.

A model never names an address. What is fetched is small, comes in seconds, and from an address that was looked at: a
host of the list may be a private one, for that is where runbooks are, but never one that answers to cloud machines.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx2

from aiops_processor.errors import QueryError, SourceRefused, SourceUnavailable
from aiops_processor.models.alert import Alert

MOST_BYTES = 256_000
MOST_SECONDS = 5.0
MOST_REDIRECTS = 3
ANNOTATION = "runbook_url"
_FILE_NAME = re.compile(r"[\w.:@ -]{1,200}")
_PORTS = {"http": 80, "https": 443}
_UNSEEN = frozenset({"script", "style", "head", "nav", "svg"})

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) → its addresses. Raises OSError."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """By the system's own resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


class Runbooks:
    """`hosts` are `host` or `host:port`; a bare one means the ports 80 and 443. `folder` holds ALERTNAME.md."""

    def __init__(
        self,
        hosts: Sequence[str] = (),
        folder: Path | None = None,
        resolve: Resolve = resolve,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._folder = folder
        self._resolve = resolve
        self._transport = transport

    @property
    def configured(self) -> bool:
        return bool(self._hosts) or self._folder is not None

    async def find(self, name: str, alerts: Sequence[Alert]) -> str:
        """The runbook of one of these alerts. Raises QueryError where there is none, SourceError where it fails."""
        alert = next((each for each in alerts if each.name == name), None)
        if alert is None:
            raise QueryError(f"no alert of this incident is called {name[:60]!r}")
        if text := await asyncio.to_thread(self._file, name):
            return text
        url = alert.annotations.get(ANNOTATION, "")
        if not url:
            raise QueryError("the alert has no runbook")
        async with asyncio.timeout(MOST_SECONDS):
            return await self._fetched(url)

    def _file(self, name: str) -> str:
        if self._folder is None or not _FILE_NAME.fullmatch(name) or name.startswith("."):
            return ""
        try:
            with (self._folder / f"{name}.md").open("rb") as file:
                return file.read(MOST_BYTES).decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise SourceUnavailable(f"RUNBOOK_FOLDER: {name}.md cannot be read ({type(error).__name__})") from None

    async def _fetched(self, url: str) -> str:
        first = urlsplit(url)
        async with httpx2.AsyncClient(transport=self._transport, trust_env=False, follow_redirects=False) as client:
            for _ in range(MOST_REDIRECTS + 1):
                response, body = await self._asked(client, urlsplit(url))
                if not response.is_redirect:
                    return _text(body, response)
                url = urljoin(url, response.headers.get("location", ""))
                if (urlsplit(url).hostname, _port(urlsplit(url))) != (first.hostname, _port(first)):
                    raise SourceRefused(f"the runbook at {first.hostname} redirects to another host")
        raise SourceRefused(f"the runbook at {first.hostname} redirects without an end")

    async def _asked(self, client: httpx2.AsyncClient, url: SplitResult) -> tuple[httpx2.Response, bytes]:
        """One answer, from an address that was looked at, so that a name cannot change its mind in between."""
        address = await self._address(url)
        host = f"[{address}]" if ":" in address else address
        target = url._replace(netloc=f"{host}:{_port(url)}", fragment="").geturl()
        name = url.hostname or ""
        default = _port(url) == _PORTS[url.scheme]
        headers = {
            "Host": name if default else f"{name}:{_port(url)}",
            "Accept": "text/markdown, text/plain, text/html",
        }
        try:
            request = client.build_request("GET", target, headers=headers, extensions={"sni_hostname": name})
            response = await client.send(request, stream=True)
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) >= MOST_BYTES:
                    break
            await response.aclose()
        except httpx2.HTTPError as error:
            raise SourceUnavailable(f"the runbook at {name} cannot be fetched ({type(error).__name__})") from None
        if not (response.is_success or response.is_redirect):
            raise SourceRefused(f"the runbook at {name} answered {response.status_code}")
        return response, bytes(body[:MOST_BYTES])

    async def _address(self, url: SplitResult) -> str:
        """The first address of the host, where all of them may be asked. Raises SourceRefused, SourceUnavailable."""
        name = self._allowed(url)
        try:
            found = await self._resolve(name, _port(url))
        except OSError:
            raise SourceUnavailable(f"the runbook's host {name} is not known") from None
        for each in found:
            address = ipaddress.ip_address(each.partition("%")[0])
            mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
            self._judge(mapped or address, name)
        if not found:
            raise SourceUnavailable(f"the runbook's host {name} has no address")
        return found[0]

    def _allowed(self, url: SplitResult) -> str:
        name = (url.hostname or "").lower()
        if url.scheme not in _PORTS or not name or url.username is not None:
            raise SourceRefused("the runbook's address is no plain http or https address")
        if f"{name}:{_port(url)}" in self._hosts or (name in self._hosts and _port(url) in _PORTS.values()):
            return name
        raise SourceRefused(f"the runbook's host {name}:{_port(url)} is not in RUNBOOK_HOSTS")

    def _judge(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address, name: str) -> None:
        """Loopback only where the list itself says so by its number; addresses of clouds' metadata never."""
        if address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved:
            raise SourceRefused(f"the runbook's host {name} has an address that is never asked")
        if address.is_loopback and name != str(address):
            raise SourceRefused(f"the runbook's host {name} has a loopback address")


def _port(url: SplitResult) -> int:
    try:
        return url.port or _PORTS.get(url.scheme, 0)
    except ValueError:
        return 0


def _text(body: bytes, response: httpx2.Response) -> str:
    text = body.decode("utf-8", "replace")
    if "html" not in response.headers.get("content-type", ""):
        return text
    reader = _Words()
    reader.feed(text)
    return " ".join(" ".join(reader.words).split())


class _Words(HTMLParser):
    """What a page says to a reader."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the base class's
        self._unseen += tag in _UNSEEN

    def handle_endtag(self, tag: str) -> None:
        self._unseen = max(0, self._unseen - (tag in _UNSEEN))

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words.append(data)
