"""The command line: `aiops serve | worker | analyze | demo | eval | check | migrate | backup | dead-letters | …`."""

import sys
from importlib.metadata import version as version_of
from typing import Annotated

import typer

from aiops_processor.cli.commands import Commands
from aiops_processor.errors import AiopsError

cli = typer.Typer(
    cls=Commands,
    name="aiops",
    help="The on-call engineer's first responder for a Prometheus shop.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@cli.callback(invoke_without_command=True)
def version(*, show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if show:
        typer.echo(f"aiops-processor {version_of('aiops-processor')}")
        raise typer.Exit


def main() -> None:
    """The entry point: an error of ours is one line on standard error and exit code 1."""
    try:
        cli()
    except AiopsError as error:
        typer.echo(f"aiops: {error}", err=True)
        sys.exit(1)
