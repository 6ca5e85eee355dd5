"""The command line: `aiops serve | worker | analyze | demo | eval | check | migrate | backup | dead-letters | …`."""

import sys
from typing import Annotated

import typer

from aiops_processor.app import VERSION
from aiops_processor.cli import (
    analyze,
    backup,
    by_hand,
    check,
    dead_letters,
    demo,
    estimate,
    evaluate,
    migrate,
    serve,
    worker,
)
from aiops_processor.errors import AiopsError

cli = typer.Typer(
    name="aiops",
    help="The on-call engineer's first responder for a Prometheus shop.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.command("serve")(serve.serve)
cli.command("worker")(worker.worker)
cli.command("analyze")(analyze.analyze)
cli.command("demo")(demo.demo)
cli.command("eval")(evaluate.evaluate)
cli.command("estimate")(estimate.forecast)
cli.command("check")(check.check)
cli.command("migrate")(migrate.migrate)
cli.command("backup")(backup.backup)
cli.add_typer(dead_letters.commands, name="dead-letters")
cli.add_typer(by_hand.incidents, name="incidents")
cli.add_typer(by_hand.deliveries, name="deliveries")
cli.add_typer(by_hand.watchdogs, name="watchdogs")


@cli.callback(invoke_without_command=True)
def version(*, show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if show:
        typer.echo(f"aiops-processor {VERSION}")
        raise typer.Exit


def main() -> None:
    """The entry point: an error of ours is one line on standard error and exit code 1."""
    try:
        cli()
    except AiopsError as error:
        typer.echo(f"aiops: {error}", err=True)
        sys.exit(1)
