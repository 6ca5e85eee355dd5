"""Serve an application until the process is told to end."""

import asyncio
import gc
import signal

import typer
import uvicorn
from fastapi import FastAPI


def listen(app: FastAPI, host: str, port: int) -> None:
    """Blocks. Raises what the application's start raises; exits with 1 where the port is taken."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            lifespan="off",  # opened by us, so that a wrong setting is one line and not uvicorn's traceback
            log_config=None,
            access_log=False,
            ws="none",  # none are spoken; the library for it would be loaded
            timeout_graceful_shutdown=5,
            server_header=False,
        )
    )
    # uvicorn raises the signal again when it has ended; the service behind it is still to be closed then
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)

    async def run() -> None:
        async with app.router.lifespan_context(app):
            gc.freeze()  # what is loaded now stays: looking through it again and again would cost every post
            await server.serve()

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(run())
    if not server.started:  # uvicorn has said why
        raise typer.Exit(1)
