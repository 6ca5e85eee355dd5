"""`aiops dead-letters`: what the running service could not take."""

from typing import Annotated, Any

import httpx2
import typer

from aiops_processor import config
from aiops_processor.errors import AiopsError

PATH = "/api/v1/dead-letters"

commands = typer.Typer(help="What was posted and could not be taken, at the running service.", no_args_is_help=True)
LetterId = Annotated[int, typer.Argument(help="The number that `list` shows.", min=1)]


class ServiceRefused(AiopsError):
    """The running service did not do what it was asked."""


@commands.command("list")
def list_letters(limit: Annotated[int, typer.Option(min=1, max=200)] = 50) -> None:
    """The newest ones: number, times it came, when it last came, why it was not taken."""
    letters = _ask("GET", f"?limit={limit}")
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
    typer.echo(_ask("GET", f"/{letter}")["body"])


@commands.command("replay")
def replay(letter: LetterId) -> None:
    """Post it again; it is dropped where all of it is taken now."""
    answer = _ask("POST", f"/{letter}/replay")
    if answer["rejected"]:
        raise ServiceRefused(f"still not taken: {'; '.join(each['reason'] for each in answer['rejected'])}")
    typer.echo(f"taken: {answer['processed']} alerts")


@commands.command("drop")
def drop(letter: LetterId) -> None:
    """Delete it for good."""
    _ask("DELETE", f"/{letter}")
    typer.echo("dropped")


def _ask(method: str, path: str) -> Any:
    settings = config.load()
    base = f"http://{settings.api.host}:{settings.api.port}"
    token = settings.api.token
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    try:
        answer = httpx2.request(method, f"{base}{PATH}{path}", headers=headers, timeout=30)
    except httpx2.HTTPError as error:
        raise ServiceRefused(f"{base} does not answer ({type(error).__name__}); is the service running?") from error
    if answer.status_code >= 400:
        raise ServiceRefused(f"{base} answered {answer.status_code}: {answer.text[:300]}")
    return answer.json()
