"""A recording played back: its servers, and its webhooks at the times at which they came."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from aiops_processor.clock import Clock
from aiops_processor.demo.loki_api import loki_app
from aiops_processor.demo.prometheus_api import prometheus_app
from aiops_processor.demo.recording import Recording, Webhook
from aiops_processor.demo.serve import serve

# Of the connection, not of the message: whoever posts it again has a host and a length of its own.
OF_THE_CONNECTION = frozenset({"host", "content-length", "connection", "transfer-encoding"})

Post = Callable[[bytes, Mapping[str, str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the replayed servers listen."""

    prometheus: str
    loki: str


class Replay:
    """One recording and a clock that runs in its time. Nothing after the clock's time can be seen in either server."""

    def __init__(self, recording: Recording, clock: Clock) -> None:
        self.recording = recording
        self.prometheus_app: ASGIApp = prometheus_app(recording, clock)
        self.loki_app: ASGIApp = loki_app(recording.logs, clock)
        self._clock = clock

    @asynccontextmanager
    async def servers(self, prometheus_port: int = 0, loki_port: int = 0) -> AsyncIterator[Urls]:
        """Both servers on loopback ports for as long as the block lasts."""
        async with serve(self.prometheus_app, prometheus_port) as prometheus, serve(self.loki_app, loki_port) as loki:
            yield Urls(prometheus, loki)

    async def post_webhooks(self, post: Post, posted: Callable[[Webhook], None] = lambda _webhook: None) -> None:
        """Post each webhook when the clock reaches its time, body as received, and tell `posted` after each.

        Those of the past are posted at once, in order. What `post` raises ends the replay.
        """
        for webhook in self.recording.webhooks:
            wait = webhook.received_at - self._clock.now().timestamp()
            if wait > 0:
                await self._clock.sleep(wait)
            headers = {name: value for name, value in webhook.headers.items() if name.lower() not in OF_THE_CONNECTION}
            await post(webhook.content(), headers)
            posted(webhook)
