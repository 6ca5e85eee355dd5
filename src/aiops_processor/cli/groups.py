"""`aiops groups replay`: what stored alerts would have been with other grouping rules. Reads the database only."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from aiops_processor import config, parts
from aiops_processor.errors import ConfigError
from aiops_processor.models.incident import Episode
from aiops_processor.runtime import database_url
from aiops_processor.services.grouping.regrouping import Difference, regroup
from aiops_processor.settings import GroupingSettings, Settings
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage.database import Database

MOST_REASONS = 3

groups = typer.Typer(help="What belongs together.")


@groups.callback()
def _group() -> None:
    """With one command only, its name would be left out."""


@groups.command("replay")
def replay(
    with_config: Annotated[
        str, typer.Option("--config", help="Take the rules from this file instead of the configured one.")
    ] = "",
    window_seconds: Annotated[float | None, typer.Option(min=0, help="GROUPING_WINDOW_SECONDS.")] = None,
    neighbour_seconds: Annotated[float | None, typer.Option(min=0, help="GROUPING_NEIGHBOUR_SECONDS.")] = None,
    identity: Annotated[str | None, typer.Option(help="GROUPING_IDENTITY.")] = None,
    days: Annotated[float, typer.Option(min=0.01, max=36_500, help="How far back.")] = 7,
) -> None:
    """Show which incidents would be one, and which several. Nothing is changed."""
    settings = config.load()
    rules = (config.load(with_config) if with_config else settings).grouping
    given = {"window_seconds": window_seconds, "neighbour_seconds": neighbour_seconds, "identity": identity}
    changed = {**rules.model_dump(), **{name: value for name, value in given.items() if value is not None}}
    policy = parts.policy(settings.model_copy(update={"grouping": GroupingSettings.model_validate(changed)}))
    if not settings.database.url and not Path(database_url(settings).database or "").exists():
        raise ConfigError(f"AIOPS_DATA_DIR: {settings.data_dir} holds no database; name the folder of the service")
    episodes = asyncio.run(_stored(settings, datetime.now(UTC) - timedelta(days=days)))
    _show(regroup(episodes, policy))


async def _stored(settings: Settings, since: datetime) -> list[Episode]:
    database = Database(database_url(settings))
    try:
        async with database.read() as connection:
            return await alert_rows.grouped_since(connection, since)
    finally:
        await database.close()


def _show(difference: Difference) -> None:
    typer.echo(
        f"{difference.alerts} alerts in {difference.incidents} incidents; with these rules in {difference.would_be}"
    )
    for one in difference.joined:
        numbers = ", ".join(map(str, one.incidents))
        typer.echo(f"+ {numbers} would be one: {one.title}")
        for reason in one.reasons[:MOST_REASONS]:
            typer.echo(f"    {reason}")
    for each in difference.split:
        typer.echo(f"- {each.incident} would be {len(each.titles)}: {'; '.join(each.titles)}")
    if not difference.joined and not difference.split:
        typer.echo("no difference")
