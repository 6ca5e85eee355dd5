"""`aiops dead-letters`: what the running service could not take."""

from typing import Annotated

import typer

from aiops_processor.cli.asking import ServiceRefused, ask

PATH = "dead-letters"

commands = typer.Typer(help="What was posted and could not be taken, at the running service.", no_args_is_help=True)
LetterId = Annotated[int, typer.Argument(help="The number that `list` shows.", min=1)]


@commands.command("list")
def list_letters(limit: Annotated[int, typer.Option(min=1, max=200)] = 50) -> None:
    """The newest ones: number, times it came, when it last came, why it was not taken."""
    letters = ask("GET", PATH, limit=limit)
    for letter in letters:
        times = letter["repeats"] + 1
        typer.echo(
            f"{letter['id']:>6}  {times:>4} ×  {letter['last_at'][:19]}Z  {letter['source']}  {letter['reason']}"
        )
    if not letters:
        typer.echo("none")


@commands.command("show")
def show(letter: LetterId) -> None:
    """The body of one, as it came."""
    typer.echo(ask("GET", f"{PATH}/{letter}")["body"])


@commands.command("replay")
def replay(letter: LetterId) -> None:
    """Post it again; it is dropped where all of it is taken now."""
    answer = ask("POST", f"{PATH}/{letter}/replay")
    if answer["rejected"]:
        raise ServiceRefused(f"still not taken: {'; '.join(each['reason'] for each in answer['rejected'])}")
    typer.echo(f"taken: {answer['processed']} alerts")


@commands.command("drop")
def drop(letter: LetterId) -> None:
    """Delete it for good."""
    ask("DELETE", f"{PATH}/{letter}")
    typer.echo("dropped")
