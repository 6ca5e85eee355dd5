"""`aiops serve`: the service, until it is told to end."""

from typing import Annotated

import typer

from aiops_processor import config
from aiops_processor.app import create_app
from aiops_processor.cli.listening import listen
from aiops_processor.web.edge.tls import Certificate


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; API_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; API_PORT.")] = None,
    tls_cert: Annotated[str, typer.Option(help="Certificate (PEM, with its chain); API_TLS_CERT.")] = "",
    tls_key: Annotated[str, typer.Option(help="Its private key (PEM); API_TLS_KEY.")] = "",
) -> None:
    """Run the service: receive alerts, analyse them, tell people."""
    settings = config.load()
    listen(
        create_app(settings, read=config.load),
        host or settings.api.host,
        settings.api.port if port is None else port,
        Certificate.of(tls_cert or settings.api.tls_cert, tls_key or settings.api.tls_key),
    )
