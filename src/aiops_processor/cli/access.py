"""`aiops tokens`, `aiops users`, `aiops audit`: who may ask the running service, and what was changed."""

import sys
from typing import Annotated

import typer

from aiops_processor.cli.asking import ask, tell
from aiops_processor.models.access import Role, Scope

tokens = typer.Typer(help="API tokens of the running service.", no_args_is_help=True)
users = typer.Typer(help="Local users of the running service's pages.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Letters, digits and . _ @ + -")]


@tokens.command("create")
def create_token(
    name: Name,
    scope: Annotated[list[Scope], typer.Option(help="What it allows; may be given several times.")],
    days: Annotated[float | None, typer.Option(min=0.001, help="It holds so long; without it until revoked.")] = None,
) -> None:
    """Make a token and print it. It cannot be shown again."""
    made = tell("POST", "tokens", {"name": name, "scopes": [str(each) for each in scope], "days": days})
    typer.echo(made["secret"])


@tokens.command("list")
def list_tokens() -> None:
    """Name, scopes, when it was made, used last, and when it ends."""
    listed = ask("GET", "tokens")
    for each in listed:
        used, ends = (_moment(each[name]) for name in ("last_used_at", "expires_at"))
        made = _moment(each["created_at"])
        typer.echo(
            f"{each['name']}  {','.join(each['scopes'])}  made {made} by {each['created_by']}  used {used}  ends {ends}"
        )
    if not listed:
        typer.echo("none")


@tokens.command("revoke")
def revoke_token(name: Name) -> None:
    """Refuse it from now on."""
    ask("DELETE", f"tokens/{name}")
    typer.echo("revoked")


@users.command("add")
def add_user(
    name: Name,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.VIEWER,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from a pipe.")] = False,
) -> None:
    """Add a user, or give one another password and role. Asks for the password."""
    password = (
        sys.stdin.readline().rstrip("\n")
        if password_stdin
        else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    user = tell("PUT", f"users/{name}", {"password": password, "role": str(role)})
    typer.echo(f"{user['name']} is {user['role']}")


@users.command("list")
def list_users() -> None:
    """Name, role, since when."""
    listed = ask("GET", "users")
    for each in listed:
        typer.echo(f"{each['name']}  {each['role']}  since {_moment(each['created_at'])}")
    if not listed:
        typer.echo("none")


@users.command("remove")
def remove_user(name: Name) -> None:
    """They are signed out and cannot sign in any more."""
    ask("DELETE", f"users/{name}")
    typer.echo("removed")


def audit(
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    before: Annotated[int | None, typer.Option(min=1, help="The last number of the page before.")] = None,
) -> None:
    """What was changed at the running service, by whom, from where; newest first."""
    for each in ask("GET", "audit", limit=limit, **({} if before is None else {"before": before})):
        status = each["status"] or "no answer"
        typer.echo(
            f"{each['id']:>6}  {_moment(each['at'])}  {each['actor']} ({each['address']})  "
            f"{each['action']} {each['target']}  {status}"
        )


def _moment(at: str | None) -> str:
    return f"{at[:19]}Z" if at else "never"
