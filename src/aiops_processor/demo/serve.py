"""An ASGI application on a loopback port, for as long as a block lasts."""

import asyncio
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

HOST = "127.0.0.1"
LAST_ANSWERS_SECONDS = 1


@asynccontextmanager
async def serve(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """Run `app` in this event loop and give its URL; port 0 is any free one. Raises OSError where the port is taken."""
    with socket.create_server((HOST, port)) as listener:
        server = _Server(_config(app))
        running = asyncio.create_task(server.serve([listener]))
        try:
            await _listening(server, running)
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


async def _listening(server: "_Server", running: asyncio.Task[None]) -> None:
    """Wait until it listens, or raise what kept it from that."""
    ready = asyncio.create_task(server.ready.wait())
    await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if running.done():
        await running


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,  # the program around it has its own
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=LAST_ANSWERS_SECONDS,
    )


class _Server(uvicorn.Server):
    """Takes no signals, for Ctrl-C belongs to the program around it, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()
