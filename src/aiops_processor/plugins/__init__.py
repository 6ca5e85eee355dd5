"""The plugin door: what a plugin looks like, how it is found, made and called."""

from collections.abc import Mapping
from typing import Any

from aiops_processor.models.case import Case, Event, Happening
from aiops_processor.plugins.door import GROUP, Door
from aiops_processor.plugins.guard import Guarded
from aiops_processor.plugins.marking import plugin
from aiops_processor.plugins.protocols import (
    Action,
    Answer,
    Call,
    CallsTools,
    ChoosesWindow,
    Filter,
    Finding,
    Finds,
    Middleware,
    Model,
    Notifier,
    OnEvent,
    Options,
    Order,
    Plans,
    Plugin,
    Router,
    Source,
    Tool,
)

__all__ = [
    "GROUP",
    "Action",
    "Answer",
    "Call",
    "CallsTools",
    "Case",
    "ChoosesWindow",
    "Door",
    "Event",
    "Filter",
    "Finding",
    "Finds",
    "Guarded",
    "Happening",
    "Middleware",
    "Model",
    "Notifier",
    "OnEvent",
    "Options",
    "Order",
    "Plans",
    "Plugin",
    "Router",
    "Source",
    "Tool",
    "load",
    "make",
    "names",
    "plugin",
]


def names(kind: str) -> list[str]:
    """The names of the installed plugins of a kind, sorted."""
    return Door().names(kind)


def make(kind: str, name: str, options: Mapping[str, Any]) -> Any:
    """The installed plugin `<kind>.<name>`, made with these options. Raises PluginError."""
    return Door().make(kind, name, options)


def load(kind: str, name: str) -> Any:
    """The class or function behind an installed plugin. Raises PluginError."""
    return Door().load(kind, name)
