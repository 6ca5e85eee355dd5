"""How a function or a class in the plugins folder says that it is a plugin."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from prometheus_client import CollectorRegistry

from aiops_processor.errors import PluginError
from aiops_processor.plugins.kinds import KINDS

T = TypeVar("T", bound=Callable[..., Any])

MARK = "__aiops_plugin__"
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Mark(NamedTuple):
    """What was said of a plugin. `registry` holds metrics of its own."""

    kind: str
    name: str
    registry: CollectorRegistry | None


def plugin(kind: str, *, name: str = "", registry: CollectorRegistry | None = None) -> Callable[[T], T]:
    """Say that what follows is a plugin of this kind, called as it is unless `name` says otherwise.

    `ByTeam` is called `by_team`. The metrics of `registry` are added to `/metrics`.
    """
    if not isinstance(kind, str):  # `@plugin` alone is given what stands below it
        raise PluginError(f'@plugin has to say of which kind it is, as @plugin("filter"); known: {", ".join(KINDS)}')
    if kind not in KINDS:
        raise PluginError(f"there is no kind of plugin called {kind!r}; known: {', '.join(KINDS)}")

    def marked(made: T) -> T:
        called = name or _CAMEL.sub("_", made.__name__).lower()
        if not NAME.fullmatch(called):
            raise PluginError(f"{kind} {called!r}: a name has small letters, digits and _, and begins with a letter")
        setattr(made, MARK, Mark(kind, called, registry))
        return made

    return marked


def mark_of(made: object) -> Mark | None:
    """What was said of it; None where it is no plugin, or only derived from one."""
    own = getattr(made, "__dict__", {}).get(MARK)
    return own if isinstance(own, Mark) else None
