"""Connections that say nothing, or say it a byte a minute, are closed: uvicorn alone waits for them for ever.

Such a "slow loris" costs a stranger next to nothing and us one of a bounded number of connections.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_CONNECTIONS = 1000
"""Past it the answer is 503, which Alertmanager tries again."""
HEAD_SECONDS = 10.0
"""From the first byte, or from connecting, to the end of the headers."""
BODY_SECONDS = 10.0
"""As often it is looked whether a body comes on."""
LEAST_BODY_BYTES = 10_000
"""What must have come since: 1 kB a second."""
MOST_HEAD_BYTES = 64 * 1024


class Patience(HttpToolsProtocol):
    """uvicorn's protocol with a bound on how long, and how slowly, somebody may ask."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._alarm: asyncio.TimerHandle | None = None
        self._came = 0
        self._head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0
        self._wait_for_head()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._came = 0
        self._set(BODY_SECONDS, self._look_at_body)

    def on_body(self, body: bytes) -> None:
        self._came += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._stop()
        super().on_message_complete()

    def _wait_for_head(self) -> None:
        self._set(HEAD_SECONDS, self._close)

    def _look_at_body(self) -> None:
        """What we do not read ourselves, because we have enough to do, is not the sender's slowness."""
        if self._came < LEAST_BODY_BYTES and not self.flow.read_paused:
            self._close()
            return
        self._came = 0
        self._set(BODY_SECONDS, self._look_at_body)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MOST_HEAD_BYTES:
            self._close()

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def _set(self, seconds: float, call: Any) -> None:
        self._stop()
        self._alarm = self.loop.call_later(seconds, call)

    def _stop(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
