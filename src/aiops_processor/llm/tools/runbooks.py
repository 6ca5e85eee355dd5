"""Runbooks: a folder of Markdown, or the address in an alert's annotation where its host is allowed.

A model never names an address. What is fetched is small, comes in seconds, and passes the gate of
clients/outbound.py: a host of the list may be at a private address, for that is where runbooks are.
"""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import httpx2

from aiops_processor.clients.outbound import PORTS, Outbound, Resolve, resolved
from aiops_processor.errors import QueryError, SourceRefused, SourceUnavailable
from aiops_processor.llm.tools.runbook_text import RunbookText, read
from aiops_processor.models.alert import Alert

MOST_BYTES = 256_000
MOST_SECONDS = 5.0
ANNOTATION = "runbook_url"
_FILE_NAME = re.compile(r"[\w.:@ -]{1,200}")


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

    async def find(self, name: str, alerts: Sequence[Alert]) -> RunbookText:
        """The runbook of one of these alerts. Raises QueryError where there is none, SourceError where it fails."""
        alert = next((each for each in alerts if each.name == name), None)
        if alert is None:
            raise QueryError(f"no alert of this incident is called {name[:60]!r}")
        if found := await asyncio.to_thread(self._file, name):
            return found
        url = alert.annotations.get(ANNOTATION, "")
        if not url:
            raise QueryError("the alert has no runbook")
        async with asyncio.timeout(MOST_SECONDS):
            return await self._fetched(url)

    def _file(self, name: str) -> RunbookText | None:
        if self._folder is None or not _FILE_NAME.fullmatch(name) or name.startswith("."):
            return None
        try:
            with (self._folder / f"{name}.md").open("rb") as file:
                body = file.read(MOST_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SourceUnavailable(f"RUNBOOK_FOLDER: {name}.md cannot be read ({type(error).__name__})") from None
        return read(body, f"{name}.md in RUNBOOK_FOLDER", cut=len(body) == MOST_BYTES) if body else None

    async def _fetched(self, url: str) -> RunbookText:
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
        return read(
            bytes(body[:MOST_BYTES]),
            f"the runbook at {name}",
            html="html" in response.headers.get("content-type", ""),
            charset=response.charset_encoding,
            cut=len(body) >= MOST_BYTES,
        )


def _host(url: str) -> str:
    """The host of a plain http or https address. Raises SourceRefused."""
    try:
        found: SplitResult = urlsplit(url)
    except ValueError:
        found = urlsplit("")
    if found.scheme not in PORTS or not found.hostname or found.username is not None:
        raise SourceRefused("the runbook's address is no plain http or https address")
    return found.hostname
