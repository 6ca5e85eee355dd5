"""`aiops migrate`: bring the tables to today's shape without starting the service."""

import asyncio

import typer

from aiops_processor import config
from aiops_processor.runtime import claimed_database
from aiops_processor.settings import Settings
from aiops_processor.storage import migrate as migrations
from aiops_processor.storage.address import shown


def migrate() -> None:
    """Create or upgrade the database. `aiops serve` does the same when it starts."""
    typer.echo(asyncio.run(_migrate(config.load())))


async def _migrate(settings: Settings) -> str:
    async with claimed_database(settings) as database:
        before, after = await asyncio.to_thread(migrations.migrate, database.url)
    done = "was up to date" if before == after else f"went from {before or 'nothing'}"
    return f"database {shown(database.url)}: {done}, now at {after}"
