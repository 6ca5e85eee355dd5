"""Runbooks: a folder of Markdown, or the address in an alert's annotation where its host is allowed.

A model never names an address. What is fetched is small, comes in seconds, and passes the gate of
clients/outbound.py: a host of the list may be at a private address, for that is where runbooks are.
"""

import asyncio
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import httpx2

from aiops_processor.clients.outbound import PORTS, Outbound, Resolve, resolved
from aiops_processor.errors import QueryError, SourceRefused, SourceUnavailable
from aiops_processor.models.alert import Alert

MOST_BYTES = 256_000
MOST_SECONDS = 5.0
ANNOTATION = "runbook_url"
_FILE_NAME = re.compile(r"[\w.:@ -]{1,200}")
_UNSEEN = frozenset({"script", "style", "head", "nav", "svg"})


class Runbooks:
    """`hosts` are `host` or `host:port`; a bare one means the ports 80 and 443. `folder` holds ALERTNAME.md."""

    def __init__(
        self,
        hosts: Sequence[str] = (),
        folder: Path | None = None,
        resolve: Resolve = resolved,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        listed = [each if ":" in each else f"{each}:{port}" for each in hosts for port in PORTS.values()]
        self._outbound = Outbound(tuple(listed), private=True, setting="RUNBOOK_HOSTS")
        self._folder = folder
        self._resolve = resolve
        self._transport = transport

    @property
    def configured(self) -> bool:
        return bool(self._outbound.allow) or self._folder is not None

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
        name = _host(url)
        try:
            async with (
                self._outbound.client(self._transport, self._resolve) as client,
                client.stream("GET", url, headers={"Accept": "text/markdown, text/plain, text/html"}) as response,
            ):
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) >= MOST_BYTES:
                        break
        except httpx2.TooManyRedirects:
            raise SourceRefused(f"the runbook at {name} redirects without an end") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SourceUnavailable(f"the runbook at {name} cannot be fetched ({type(error).__name__})") from None
        if not response.is_success:
            raise SourceRefused(f"the runbook at {name} answered {response.status_code}")
        return _text(bytes(body[:MOST_BYTES]), response)


def _host(url: str) -> str:
    """The host of a plain http or https address. Raises SourceRefused."""
    try:
        found: SplitResult = urlsplit(url)
    except ValueError:
        found = urlsplit("")
    if found.scheme not in PORTS or not found.hostname or found.username is not None:
        raise SourceRefused("the runbook's address is no plain http or https address")
    return found.hostname


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
