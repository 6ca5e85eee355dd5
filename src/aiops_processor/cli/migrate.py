"""`aiops migrate`: bring the tables to today's shape without starting the service."""

import sqlalchemy as sa
import typer

from aiops_processor import config
from aiops_processor.storage import migrate as migrations
from aiops_processor.storage.data_folder import claim
from aiops_processor.storage.database import sqlite_url


def migrate() -> None:
    """Create or upgrade the database. `aiops serve` does the same when it starts."""
    settings = config.load()
    with claim(settings.data_dir):
        before, after = migrations.migrate(sa.make_url(sqlite_url(settings.data_dir)))
    done = "was up to date" if before == after else f"went from {before or 'nothing'}"
    typer.echo(f"database {settings.data_dir / 'aiops.sqlite'}: {done}, now at {after}")
