"""Which commands there are. Each is imported when it is called: the server carries nothing that only `eval` needs."""

import contextlib
import gc
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

COMMANDS = {
    "serve": "serve:serve",
    "worker": "worker:worker",
    "analyze": "analyze:analyze",
    "demo": "demo:demo",
    "eval": "evaluate:evaluate",
    "estimate": "estimate:forecast",
    "check": "check:check",
    "migrate": "migrate:migrate",
    "backup": "backup:backup",
    "audit": "access:audit",
    "tokens": "access:tokens",
    "users": "access:users",
    "dead-letters": "dead_letters:commands",
    "incidents": "by_hand:incidents",
    "deliveries": "by_hand:deliveries",
    "notify": "notify:notify",
    "watchdogs": "by_hand:watchdogs",
}
"""What is typed → the module of this package, and in it a function or a group of further commands."""


class Commands(TyperGroup):
    """The top of the command line. (The types of its arguments have no public name.)"""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - its name and place are the base class's
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the same
        """The command of that name; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        with _no_search():
            found = getattr(import_module(f"aiops_processor.cli.{module}"), name)
        command = get_command(found if isinstance(found, typer.Typer) else _alone(found))
        command.name = cmd_name
        return command


@contextlib.contextmanager
def _no_search() -> Iterator[None]:
    """Without looking for garbage: nothing that is imported ever is, and the search takes a quarter of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _alone(function: Callable[..., None]) -> typer.Typer:
    made = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    made.command()(function)
    return made
