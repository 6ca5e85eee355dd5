"""The plugin door: how a plugin is found and made.

Built-ins come through the same door as a third party's: an entry point in the group `aiops_processor.plugins` named
`<kind>.<name>`. What the plugins folder holds goes before an entry point of the same name. Of entry points nothing is
imported before it is configured, so that one model provider's SDK does not cost memory in a process that uses another.
"""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from pydantic import ValidationError

from aiops_processor.errors import AiopsError, PluginError
from aiops_processor.plugins import patience
from aiops_processor.plugins.folder import Folder, InFolder
from aiops_processor.plugins.kinds import KINDS, check
from aiops_processor.plugins.patience import TooSlow, within
from aiops_processor.problems import problems

GROUP = "aiops_processor.plugins"
OURS, OUR_PACKAGE = "aiops-processor", "aiops_processor"


class Listed(NamedTuple):
    """A plugin that there is. `origin` is a file of the folder, or the package that brought it."""

    kind: str
    name: str
    origin: str
    in_folder: bool = False

    @property
    def key(self) -> str:
        return f"{self.kind}.{self.name}"


class Door:
    """Everything that is installed, and what a folder holds."""

    def __init__(self, folder: Folder | None = None) -> None:
        self._folder = folder
        self._own = {(each.mark.kind, each.mark.name): each for each in folder.plugins} if folder else {}
        self._points = tuple(entry_points(group=GROUP))  # looking through all packages takes milliseconds

    @property
    def folder(self) -> Folder | None:
        return self._folder

    @property
    def own(self) -> tuple[InFolder, ...]:
        """What the folder holds."""
        return tuple(self._own.values())

    def names(self, kind: str) -> list[str]:
        """The names of the plugins of a kind, sorted."""
        installed = {point.name.removeprefix(f"{kind}.") for point in self._points if point.name.startswith(f"{kind}.")}
        return sorted(installed | {name for other, name in self._own if other == kind})

    def listed(self) -> list[Listed]:
        """All of them: those of the folder, then what is installed."""
        own = [Listed(kind, name, str(each.file), in_folder=True) for (kind, name), each in self._own.items()]
        installed = [Listed(*_parted(point.name), _package(point)) for point in self._points]
        return [*sorted(own), *sorted(installed)]

    def make(self, kind: str, name: str, options: Mapping[str, Any]) -> Any:
        """The plugin `<kind>.<name>`, made with these options. Raises PluginError, which names the known ones."""
        plugin = self.load(kind, name)
        form = getattr(plugin, "Options", None)
        if form is None:
            if options:
                raise PluginError(f"{kind} {name} takes no options, not {', '.join(map(str, options))}")
            return _called(kind, name, plugin) if isinstance(plugin, type) else plugin
        try:
            given = form(**options)
        except ValidationError as error:
            known = ", ".join(form.model_fields)
            raise PluginError(f"{kind} {name}: {problems(error)} (known options: {known})") from None
        return _called(kind, name, plugin, given)

    def load(self, kind: str, name: str) -> Any:
        """The class or function behind `<kind>.<name>`. Raises PluginError."""
        if own := self._own.get((kind, name)):
            return own.made
        for point in (each for each in self._points if each.name == f"{kind}.{name}"):
            found = _loaded(kind, name, point)
            check(kind, name, found)
            return found
        raise PluginError(f"no {kind} is called {name!r}; known: {', '.join(self.names(kind))}")


def _loaded(kind: str, name: str, point: EntryPoint) -> Any:
    """What the entry point names. A stranger's module may raise anything, or wait for something for ever."""
    ours = point.dist is not None and point.dist.name == OURS
    try:
        return point.load() if ours else within(patience.LOAD_SECONDS, f"loading {point.value}", point.load)
    except TooSlow:
        limit = f"{patience.LOAD_SECONDS:g} s"
        raise PluginError(f"{kind} {name} ({point.value}) was not loaded within {limit}: it waits at its top") from None
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}"
        raise PluginError(f"{kind} {name} ({point.value}) cannot be loaded: {what}") from error


def _called(kind: str, name: str, plugin: Any, *options: Any) -> Any:
    """A new object of the class. What its own code raises is told without a trace: it may hold the options."""
    ours = getattr(plugin, "__module__", "").startswith(f"{OUR_PACKAGE}.")
    try:
        made = plugin(*options) if ours else within(patience.LOAD_SECONDS, f"{kind} {name}", lambda: plugin(*options))
    except AiopsError:
        raise
    except TooSlow:
        limit = f"{patience.LOAD_SECONDS:g} s"
        raise PluginError(f"{kind} {name} was not made within {limit}: its __init__ waits for something") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's, and whoever configured it wants one line
        raise PluginError(f"{kind} {name} cannot be made: {type(error).__name__}") from None
    if missing := [each for each in KINDS[kind].attributes if not hasattr(made, each)]:
        raise PluginError(f"{kind} {name} has no {', '.join(missing)}: set it in __init__ or in the class")
    return made


def _parted(name: str) -> tuple[str, str]:
    """Kind and name. A name without a kind is listed as one of an unknown kind, and never called."""
    kind, _, rest = name.partition(".")
    return (kind, rest) if kind in KINDS else ("unknown", name)


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
