"""Serve an application until the process is told to end."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator

import typer
import uvicorn
from fastapi import FastAPI

from aiops_processor.web.connections import MOST_CONNECTIONS, Patience
from aiops_processor.web.tls import Certificate


def listen(app: FastAPI, host: str, port: int, certificate: Certificate | None = None) -> None:
    """Blocks; over TLS where there is a certificate.

    Raises what the application's start raises; exits with 1 where the port is taken.
    """
    server = uvicorn.Server(options(app, host, port, certificate))
    # uvicorn raises the signal again when it has ended; the service behind it is still to be closed then
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)

    async def run() -> None:
        async with app.router.lifespan_context(app), _kept_fresh(certificate):
            gc.freeze()  # what is loaded now stays: looking through it again and again would cost every post
            await server.serve()

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(run())
    if not server.started:  # uvicorn has said why
        raise typer.Exit(1)


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
        timeout_graceful_shutdown=5,
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
