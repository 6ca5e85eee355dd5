"""`aiops worker`: a process that analyses and tells, beside `aiops serve`, on the same PostgreSQL."""

from typing import Annotated

import typer

from aiops_processor import config
from aiops_processor.app import create_worker_app
from aiops_processor.cli.listening import listen
from aiops_processor.errors import ConfigError
from aiops_processor.storage.address import EXAMPLE
from aiops_processor.web.edge.tls import Certificate


def worker(
    host: Annotated[str | None, typer.Option(help="Address of its metrics and health; API_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of its metrics and health; WORKER_PORT.")] = None,
) -> None:
    """Analyse and tell what any server on the same PostgreSQL has received; takes no alerts itself."""
    settings = config.load()
    if not settings.database.url:
        raise ConfigError(
            f"a worker needs PostgreSQL, for SQLite files belong to one process: set DATABASE_URL={EXAMPLE} here and "
            "for `aiops serve`, or run `aiops serve` alone, which does the work too"
        )
    app = create_worker_app(settings, read=config.load)
    certificate = Certificate.of(settings.api.tls_cert, settings.api.tls_key)
    listen(app, host or settings.api.host, settings.worker.port if port is None else port, certificate)
