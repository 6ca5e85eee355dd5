"""Connections that say nothing, or say it a byte a minute, or do not read what is answered are closed.

uvicorn alone waits for them for ever. Such a "slow loris" costs a stranger next to nothing and us one of a bounded
number of connections.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MOST_CONNECTIONS = 1000
"""Past it the answer is 503, which Alertmanager tries again."""
MOST_REFUSED = 200
"""Past so many more the answer is none: files are to be left for the store, the sources and the model."""
HEAD_SECONDS = 10.0
"""From the first byte, or from connecting, to the end of the headers."""
BODY_SECONDS = 10.0
"""As often it is looked whether a body comes on."""
LEAST_BODY_BYTES = 10_000
"""What must have come since: 1 kB a second."""
MOST_HEAD_BYTES = 64 * 1024
MOST_WAITING = 8
"""Requests behind one that is not answered yet (pipelining, which nothing that we know does); each takes 2 kB."""
ANSWER_SECONDS = 10.0
"""As often it is looked whether an answer is read."""
LEAST_ANSWER_BYTES = 10_000
"""What must have been read since: 1 kB a second."""


class Patience(HttpToolsProtocol):
    """uvicorn's protocol with a bound on how long, and how slowly, somebody may ask, and read what is answered."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._alarm: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._unread = 0
        self._answered: RequestResponseCycle | None = None
        self._came = 0
        self._head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS + MOST_REFUSED:
            self._close()
        else:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self._stop_watching()
        self._give_up()
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
        if len(self.pipeline) >= MOST_WAITING:
            self._close()
            return
        super().on_headers_complete()
        self._came = 0
        self._set(BODY_SECONDS, self._look_at_body)

    def on_body(self, body: bytes) -> None:
        self._came += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._stop()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch_reader()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stop_watching()
        self._watch_reader()

    def resume_writing(self) -> None:
        """Most was read: what is written now is not the same any more, though it may be as much."""
        self._stop_watching()
        super().resume_writing()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        if not self.flow.write_paused:  # else nothing more is written
            self._stop_watching()  # what is left of the last answer cannot be told from this one's; its end is watched
        super()._start_asgi_task(cycle, app)

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: uvicorn would advise to install something, twice for each request of a stranger."""

    def _wait_for_head(self) -> None:
        self._set(HEAD_SECONDS, self._close)

    def _look_at_body(self) -> None:
        """What we do not read ourselves, because we have enough to do, is not the sender's slowness."""
        if self._came < LEAST_BODY_BYTES and not self.flow.read_paused:
            self._close()
            return
        self._came = 0
        self._set(BODY_SECONDS, self._look_at_body)

    def _watch_reader(self) -> None:
        """What is left of an answer when it is done, or when there is no room for more of it, somebody has to read."""
        if self._reading is None and (size := self.transport.get_write_buffer_size()):
            self._unread = size
            self._reading = self.loop.call_later(ANSWER_SECONDS, self._look_at_reader)

    def _stop_watching(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _look_at_reader(self) -> None:
        self._reading = None
        read = self._unread - self.transport.get_write_buffer_size()
        if read < min(LEAST_ANSWER_BYTES, self._unread):
            self._close()
        else:
            self._watch_reader()

    def _give_up(self) -> None:
        """Tell the one that is being answered, too: uvicorn tells the last that came, and the other would write on."""
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MOST_HEAD_BYTES:
            self._close()

    def _close(self) -> None:
        if self.transport is not None:
            self._give_up()
            self.transport.abort()

    def _set(self, seconds: float, call: Any) -> None:
        self._stop()
        self._alarm = self.loop.call_later(seconds, call)

    def _stop(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
