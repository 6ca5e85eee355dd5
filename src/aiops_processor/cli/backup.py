"""`aiops backup`: a copy of the SQLite files, while the service runs."""

from pathlib import Path
from typing import Annotated

import typer

from aiops_processor import config
from aiops_processor.errors import ConfigError
from aiops_processor.storage.backup import back_up


def backup(folder: Annotated[Path, typer.Argument(help="A new folder, outside of the data directory.")]) -> None:
    """Copy the SQLite files of AIOPS_DATA_DIR into a folder; the service may run meanwhile."""
    settings = config.load()
    if settings.database.url:
        raise ConfigError(
            "DATABASE_URL is set, so everything is in PostgreSQL: back it up with pg_dump, whole, the schema `dbos` too"
        )
    for copy in back_up(settings.data_dir, folder):
        typer.echo(f"{copy}: {copy.stat().st_size:,} bytes")
