"""Serve an application until the process is told to end."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from ssl import SSLContext
from typing import Any

import structlog
import typer
import uvicorn
from fastapi import FastAPI

from aiops_processor.errors import ConfigError
from aiops_processor.web.edge.connections import HEAD_SECONDS, MOST_CONNECTIONS, Patience
from aiops_processor.web.edge.noise import Seldom
from aiops_processor.web.edge.tls import Certificate

log = structlog.get_logger(__name__)

MOST_FILES = 4096
"""Where the machine's own limit is lower, as it often is (1,024), connections alone would use it up."""


def listen(app: FastAPI, host: str, port: int, certificate: Certificate | None = None) -> None:
    """Blocks; over TLS where there is a certificate.

    Raises what the application's start raises, and ConfigError where the port is taken.
    """
    server = _Told(options(app, host, port, certificate))
    # uvicorn raises the signal again when it has ended; the service behind it is still to be closed then
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)

    async def run() -> None:
        async with app.router.lifespan_context(app), _kept_fresh(certificate):
            gc.freeze()  # what is loaded now stays: looking through it again and again would cost every post
            await server.serve()

    make_room_for_files()
    logging.getLogger("uvicorn.error").addFilter(Seldom())
    with asyncio.Runner(loop_factory=partial(_patient_loop, server.config)) as runner:
        runner.run(run())
    if not server.started:  # uvicorn has said why
        raise typer.Exit(1)


class _Told(uvicorn.Server):
    """Says where it listens once it does, in our log: who starts it wants to know, and uvicorn's own words are off."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            bound = self.servers[0].sockets[0].getsockname()
            host = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
            log.info("listening", address=f"{'https' if self.config.is_ssl else 'http'}://{host}:{bound[1]}")


def reason(error: Exception) -> str:
    """Why nobody can listen there, without the address, which asyncio and the socket say once more."""
    if isinstance(error, socket.gaierror) or not isinstance(error, OSError) or not error.errno:
        return str(error)
    return os.strerror(error.errno)


def make_room_for_files() -> None:
    """Let this process open so many files that all connections leave some for its own work, where it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < MOST_FILES:
        allowed = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def _patient_loop(config: uvicorn.Config) -> asyncio.AbstractEventLoop:
    """uvicorn's, whose servers wait no minute for the beginning of TLS, for which uvicorn has no setting."""
    loop = (config.get_loop_factory() or asyncio.new_event_loop)()
    create: Callable[..., Awaitable[asyncio.Server]] = loop.create_server

    async def create_server(*arguments: Any, ssl: SSLContext | None = None, **more: Any) -> asyncio.Server:
        patience = {"ssl_handshake_timeout": HEAD_SECONDS} if ssl else {}
        try:
            return await create(*arguments, ssl=ssl, **patience, **more)
        except (OSError, OverflowError) as error:  # uvicorn would log it, and end with no word of what to do
            where = f"API_HOST and API_PORT: nobody can listen at {more.get('host')}:{more.get('port')}"
            raise ConfigError(f"{where} ({reason(error)}); choose another port, or end what listens there") from None

    loop.create_server = create_server  # type: ignore[assignment]
    return loop


def options(app: FastAPI, host: str, port: int, certificate: Certificate | None = None) -> uvicorn.Config:
    """How we listen. Of `X-Forwarded-For` only the last address is believed, and only of a proxy on this machine."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        lifespan="off",  # opened by us, so that a wrong setting is one line and not uvicorn's traceback
        http=Patience,
        ws="none",  # nothing of ours is a websocket
        limit_concurrency=MOST_CONNECTIONS,
        ssl_context_factory=(lambda *_: certificate.context) if certificate else None,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,  # with what is cut off after it, within ten seconds in all
        server_header=False,
    )


@contextlib.asynccontextmanager
async def _kept_fresh(certificate: Certificate | None) -> AsyncIterator[None]:
    watching = asyncio.create_task(certificate.watch()) if certificate else None
    try:
        yield
    finally:
        if watching:
            watching.cancel()
