"""The kinds of plugins, and the check that a plugin can be called as its kind is."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import BaseModel

from aiops_processor.errors import PluginError
from aiops_processor.models.evidence import Window


class Kind(NamedTuple):
    """What there is to call: `methods` by name, each with what it is given; "" is the plugin itself.

    `shape` is how it is written, for people; `attributes` is what it must have once it is made; `may` are methods that
    it may have, each as it is written.
    """

    methods: Mapping[str, tuple[str, ...]]
    shape: str
    attributes: tuple[str, ...] = ()
    may: Mapping[str, str] = MappingProxyType({})


KINDS: Mapping[str, Kind] = {
    "filter": Kind({"": ("alert", "now")}, "def NAME(alert: Alert, now: datetime) -> str | None"),
    "source": Kind({"": ("alerts", "window")}, "def NAME(alerts: Sequence[Alert], window: Window) -> list[Finding]"),
    "window": Kind({"": ("alert", "now")}, "def NAME(alert: Alert, now: datetime) -> Window | None"),
    "order": Kind({"": ("case",)}, "def NAME(case: Case) -> int | None"),
    "action": Kind(
        {"act": ("message", "key"), "aclose": ()},
        "class NAME with `async def act(self, message: Message, key: str) -> str | None`"
        " and `async def aclose(self) -> None`",
        may={
            "plan": "def plan(self, message: Message) -> str | None",
            "find": "async def find(self, message: Message, key: str) -> str | None",
        },
    ),
    "on_event": Kind({"": ("event",)}, "def NAME(event: Event) -> None"),
    "router": Kind({"": ("app",)}, "def NAME(app: FastAPI) -> None"),
    "middleware": Kind({"": ("app",)}, "def NAME(app: ASGIApp) -> ASGIApp"),
    "notifier": Kind(
        {"send": ("message", "key", "previous"), "aclose": ()},
        "class NAME with `name`, `async def aclose(self) -> None` and "
        "`async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt`",
        ("name",),
    ),
    "model": Kind(
        {"ask": ("system", "question"), "aclose": ()},
        "class NAME with `name`, `prompt_tokens`, `async def ask(self, system: str, question: str) -> Answer`"
        " and `async def aclose(self) -> None`",
        ("name", "prompt_tokens"),
        {"ask_with": "async def ask_with(self, system: str, question: str, tools: Sequence[Tool]) -> Answer"},
    ),
}


_NONE = type(None)
GIVES: Mapping[str, tuple[type, ...]] = {
    "filter": (str, _NONE),
    "source": (list, tuple),
    "window": (Window, _NONE),
    "order": (int, _NONE),
    "on_event": (_NONE,),
}
"""What plugins that are called away from the event loop may answer with."""


def check(kind: str, name: str, plugin: object) -> None:
    """Raises PluginError, which shows the right form, for a plugin that cannot be called as its kind is."""
    known = KINDS.get(kind)
    if known is None:
        raise PluginError(f"{name}: there is no kind of plugin called {kind!r}; known: {', '.join(KINDS)}")
    for method, given in known.methods.items():
        function = _to_call(plugin, method)
        if function is None or not _takes(function, len(given), bound=not method and not inspect.isclass(plugin)):
            what = f"`{method}` " if method else ""
            raise PluginError(
                f"{kind} {name}: {what}{_written(function)}; the right form is "
                f"`{known.shape.replace('NAME', name)}`{_for_class(plugin, method)}"
            )
        _is_async(kind, name, method, function)
    for method, form in known.may.items():
        function = _to_call(plugin, method)
        if function is not None and not _is_written(function, form):
            raise PluginError(f"{kind} {name}: `{method}` {_written(function)}; the right form is `{form}`")
    options = getattr(plugin, "Options", None)
    if options is not None and not (inspect.isclass(options) and issubclass(options, BaseModel)):
        raise PluginError(f"{kind} {name}: `Options` has to be a pydantic model")
    if options is not None and options.model_config.get("extra") != "forbid":
        raise PluginError(f'{kind} {name}: `Options` needs model_config = ConfigDict(extra="forbid")')


def _to_call(plugin: object, method: str) -> Callable[..., Any] | None:
    """What is called: the function, or the method of a class; None where there is none."""
    if method or inspect.isclass(plugin):
        bases = plugin.__mro__ if inspect.isclass(plugin) else type(plugin).__mro__
        found = next((vars(base)[method or "__call__"] for base in bases if (method or "__call__") in vars(base)), None)
        return found if callable(found) else None
    return plugin if callable(plugin) else None


def _takes(function: Callable[..., Any], count: int, *, bound: bool) -> bool:
    """Whether it can be called with so many arguments by their places; a method of a class has `self` before them."""
    try:
        inspect.signature(function).bind(*range(count + (not bound)))
    except (TypeError, ValueError):
        return False
    return True


def _is_async(kind: str, name: str, method: str, function: Callable[..., Any]) -> None:
    if method and not inspect.iscoroutinefunction(function):
        raise PluginError(f"{kind} {name}: `{method}` has to be `async def`: it is called on an event loop")


def _is_written(function: Callable[..., Any], form: str) -> bool:
    """Whether it can be called as the method of this form, and is `async` where that is."""
    count = form.partition("->")[0].count(",")
    return _takes(function, count, bound=False) and inspect.iscoroutinefunction(function) == form.startswith("async ")


def _written(function: Callable[..., Any] | None) -> str:
    if function is None:
        return "is missing"
    try:
        what = "is `async` and takes" if inspect.iscoroutinefunction(function) else "takes"
        return f"{what} {inspect.signature(function)}"
    except (TypeError, ValueError):
        return "cannot be called"


def _for_class(plugin: object, method: str) -> str:
    return ", as its method `__call__(self, …)`" if inspect.isclass(plugin) and not method else ""
