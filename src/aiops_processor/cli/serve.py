"""`aiops serve`: the service, until it is told to end."""

import asyncio
import signal
from typing import Annotated

import typer
import uvicorn

from aiops_processor import config
from aiops_processor.app import create_app


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; API_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; API_PORT.")] = None,
) -> None:
    """Run the service: receive alerts, analyse them, tell people."""
    settings = config.load()
    app = create_app(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=host or settings.api.host,
            port=settings.api.port if port is None else port,
            lifespan="off",  # opened by us, so that a wrong setting is one line and not uvicorn's traceback
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
            server_header=False,
        )
    )
    # uvicorn raises the signal again when it has ended; the service behind it is still to be closed then
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)

    async def run() -> None:
        async with app.router.lifespan_context(app):
            await server.serve()

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(run())
    if not server.started:  # the port is taken, and uvicorn has said so
        raise typer.Exit(1)
