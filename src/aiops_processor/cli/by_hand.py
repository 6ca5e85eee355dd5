"""`aiops incidents | deliveries | watchdogs`: what people do by hand at the running service."""

from collections.abc import Iterable
from typing import Annotated

import typer

from aiops_processor.cli.asking import ask
from aiops_processor.models.notification import DeliveryState

incidents = typer.Typer(help="Incidents of the running service.", no_args_is_help=True)
deliveries = typer.Typer(help="What the running service told its channels.", no_args_is_help=True)
watchdogs = typer.Typer(help="The Watchdogs that the running service expects.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="The number that `list` shows.", min=1)]
Limit = Annotated[int, typer.Option(min=1, max=200)]


@incidents.command("list")
def list_incidents(limit: Limit = 20) -> None:
    """The newest ones: number, state, severity, title."""
    _print(
        f"{each['id']:>6}  {each['state']:<9}  {each['severity']:<8}  {each['title']}"
        for each in ask("GET", "incidents", limit=limit)
    )


@incidents.command("acknowledge")
def acknowledge(incident: Number, by: Annotated[str, typer.Option(help="Who looks after it.")] = "") -> None:
    """Say that somebody looks after it."""
    ask("POST", f"incidents/{incident}/acknowledge", by=by)
    typer.echo("acknowledged")


@incidents.command("retry")
def retry_analysis(incident: Number) -> None:
    """Have a failed analysis made once more."""
    ask("POST", f"incidents/{incident}/retry")
    typer.echo("the analysis is due")


@deliveries.command("list")
def list_deliveries(state: Annotated[DeliveryState | None, typer.Option()] = None, limit: Limit = 50) -> None:
    """The newest ones: number, state, tries, channel, what was told, what went wrong."""
    wanted = {"state": state.value} if state else {}
    _print(
        f"{each['id']:>6}  {each['state']:<7}  {each['attempts']:>3} ×  {each['key']}  {each['error']}"
        for each in ask("GET", "deliveries", limit=limit, **wanted)
    )


@deliveries.command("retry")
def retry_delivery(delivery: Number) -> None:
    """Try a message once more that failed, or of which nobody knows whether it arrived."""
    ask("POST", f"deliveries/{delivery}/retry")
    typer.echo("the message is due")


@watchdogs.command("list")
def list_watchdogs() -> None:
    """All of them: number, source, when it was last heard of, and whether it is overdue."""
    _print(
        f"{each['id']:>6}  {each['source']}  last heard of {each['heard_at'][:19]}Z"
        f"{'  overdue' if each['overdue_since'] else ''}"
        for each in ask("GET", "watchdogs")
    )


@watchdogs.command("forget")
def forget(watchdog: Number) -> None:
    """Expect it no more: it is gone for good."""
    ask("DELETE", f"watchdogs/{watchdog}")
    typer.echo("forgotten")


def _print(lines: Iterable[str]) -> None:
    shown = list(lines)
    typer.echo("\n".join(shown) or "none")
