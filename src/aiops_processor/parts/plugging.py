"""From settings to plugins: where they come from, which of them are on, and how they are called."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry

from aiops_processor.clock import Clock
from aiops_processor.errors import PluginError, QueryError
from aiops_processor.evidence.choice import Choosing
from aiops_processor.evidence.gather import Gatherer
from aiops_processor.evidence.own import WithOwn
from aiops_processor.models.evidence import Window
from aiops_processor.parts.closing import Keep, keeping_none
from aiops_processor.parts.option_files import with_files
from aiops_processor.plugins import Door, Guarded, Notifier
from aiops_processor.plugins.aside import aside
from aiops_processor.plugins.door import OURS, Listed
from aiops_processor.plugins.folder import PROMPTS, Folder
from aiops_processor.plugins.guard import Fault
from aiops_processor.plugins.kinds import GIVES
from aiops_processor.settings import Settings
from aiops_processor.telemetry import Metrics

OUR_METRICS = "aiops_"
OUR_FILTERS = "aiops_processor.filters."


class Named(NamedTuple):
    """Something of a plugin that is called while the service runs or starts, with the plugin's name."""

    name: str
    function: Callable[[Any], Any]


@dataclass(frozen=True)
class Plugged:
    """The plugins that are on, made and ready to be called."""

    door: Door = field(default_factory=Door)
    filters: tuple[Guarded[str | None], ...] = ()
    sources: tuple[Guarded[Sequence[Any]], ...] = ()
    windows: tuple[Guarded[Window | None], ...] = ()
    orders: tuple[Guarded[int | None], ...] = ()
    listeners: tuple[Guarded[None], ...] = ()
    routers: tuple[Named, ...] = ()
    middleware: tuple[Named, ...] = ()
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)
    registries: tuple[CollectorRegistry, ...] = ()
    seconds: float = 5

    @property
    def packs(self) -> tuple[Path, ...]:
        """Files of query packs."""
        return self.door.folder.packs if self.door.folder else ()


def door(settings: Settings) -> Door:
    """What is installed, and the plugins folder of the settings. Raises PluginError."""
    path = settings.plugins.folder
    return Door(Folder(Path(path).expanduser()) if path else None)


def prompts(settings: Settings) -> Path | None:
    """The texts for the model in the plugins folder, None where there are none."""
    folder = Path(settings.plugins.folder).expanduser() / PROMPTS if settings.plugins.folder else None
    return folder if folder and folder.is_dir() else None


def plugged(settings: Settings, door: Door, metrics: Metrics | None = None, keep: Keep = keeping_none) -> Plugged:
    """The plugins that are on. Raises PluginError."""
    _check_names(settings, door)
    made = _Made(settings, door, metrics, keep)
    return Plugged(
        door=door,
        filters=tuple(made.filters()),
        sources=tuple(made.guarded("source")),
        windows=tuple(made.guarded("window")),
        orders=tuple(made.guarded("order")),
        listeners=tuple(made.guarded("on_event")),
        routers=tuple(made.plain("router")),
        middleware=tuple(made.plain("middleware")),
        notifiers={} if settings.aiops.shadow else dict(made.notifiers()),
        registries=tuple(_registries(settings, door)),
        seconds=settings.plugins.seconds,
    )


def own_options(settings: Settings, door: Door, kind: str, name: str) -> Mapping[str, Any]:
    """What `plugins.options` says of a plugin. Raises ConfigError for the file of a value that cannot be read."""
    given = settings.plugins.options.get(f"{kind}.{name}", {})
    return with_files(door.load(kind, name), given, f"plugins.options {kind}.{name}") if given else {}


def for_evidence(settings: Settings, door: Door) -> Plugged:
    """Only what takes part in gathering: for a single analysis, without channels or anything of the service."""
    _check_names(settings, door)
    made = _Made(settings, door)
    return Plugged(door=door, sources=tuple(made.guarded("source")), windows=tuple(made.guarded("window")))


def gathering(
    inner: Gatherer | Choosing, own: Plugged, settings: Settings, clock: Clock
) -> Gatherer | Choosing | WithOwn:
    """The evidence engine with what plugins add to it."""
    if not own.sources and not own.windows:
        return inner
    return WithOwn(inner, own.sources, own.windows, settings.time.window_minutes, clock)


def counting(metrics: Metrics | None) -> Callable[[Fault], None]:
    """What counts the faults of plugins, where there are metrics."""

    def count(fault: Fault) -> None:
        if metrics:
            metrics.plugin_faults.labels(*fault).inc()

    return count


def is_on(plugin: Listed, settings: Settings, channels: Collection[str] = ()) -> bool:
    """Whether the settings use this plugin: what the folder holds always, what is installed where they name it.

    Our own have settings of their own; `channels` are the names of those that are configured.
    """
    if plugin.key in _listed(settings.plugins.disable):
        return False
    if plugin.kind == "model":
        asked = (settings.llm.provider, *(each.partition(":")[0] for each in _listed(settings.llm.fallbacks)))
        return plugin.name in asked
    if plugin.kind == "action":
        return plugin.name in {each.kind for each in settings.actions}
    if _is_ours(plugin):
        return plugin.name in (_built_in_filters(settings) if plugin.kind == "filter" else channels)
    return plugin.in_folder or plugin.key in _listed(settings.plugins.enable)


class _Made:
    """Makes plugins with their options."""

    def __init__(
        self, settings: Settings, door: Door, metrics: Metrics | None = None, keep: Keep = keeping_none
    ) -> None:
        self._settings = settings
        self._door = door
        self._metrics = metrics
        self._keep = keep
        self._on = [each for each in _used(door.listed()) if is_on(each, settings)]

    def filters(self) -> Iterator[Guarded[str | None]]:
        """Those that settings switch on, then the others. What stands in the place of ours is given its options."""
        off = _listed(self._settings.plugins.disable)
        by_settings = {k: v for k, v in _built_in_filters(self._settings).items() if f"filter.{k}" not in off}
        for name in (*by_settings, *(each for each in self._names("filter") if each not in by_settings)):
            made = self._make("filter", name, by_settings.get(name, {}))
            yield self._guard("filter", name, made, inline=type(made).__module__.startswith(OUR_FILTERS))

    def guarded(self, kind: str) -> Iterator[Guarded[Any]]:
        for name in self._names(kind):
            yield self._guard(kind, name, self._make(kind, name, {}))

    def plain(self, kind: str) -> Iterator[Named]:
        for name in self._names(kind):
            yield Named(name, self._make(kind, name, {}))

    def notifiers(self) -> Iterator[tuple[str, Notifier]]:
        """Channels of others. One with the name of ours stands in its place and is made where ours would be, and so is
        one of which the list `channels` has one or more.
        """
        ours = {each.name for each in self._door.listed() if each.kind == "notifier" and _is_ours(each)}
        elsewhere = ours | {each.kind for each in self._settings.channels}
        for name in self._names("notifier"):
            if name not in elsewhere:
                channel = aside("notifier", name, self._make("notifier", name, {}), counting(self._metrics))
                self._keep(channel)
                yield name, channel

    def _names(self, kind: str) -> list[str]:
        return [each.name for each in self._on if each.kind == kind and not _is_ours(each)]

    def _make(self, kind: str, name: str, options: Mapping[str, Any]) -> Any:
        try:
            return self._door.make(kind, name, {**options, **own_options(self._settings, self._door, kind, name)})
        except QueryError as error:
            raise PluginError(f"{kind} {name}: {error}") from error

    def _guard(self, kind: str, name: str, function: Callable[..., Any], *, inline: bool = False) -> Guarded[Any]:
        chosen = self._settings.plugins
        seconds = chosen.filter_seconds if kind == "filter" else chosen.seconds
        return Guarded(kind, name, function, seconds, GIVES[kind], counting(self._metrics), inline=inline)


def _built_in_filters(settings: Settings) -> dict[str, dict[str, Any]]:
    """Our own filters that settings switch on: by name, with their options."""
    chosen, found = settings.filter, dict[str, dict[str, Any]]()
    if chosen.alerts:
        found["ignore"] = {"alerts": _listed(chosen.alerts)}
    if chosen.environments:
        found["environments"] = {"environments": _listed(chosen.environments)}
    if chosen.rules:
        found["rules"] = {"rules": [rule.model_dump() for rule in chosen.rules]}
    if chosen.business_hours:
        hours = {"hours": chosen.business_hours, "time_zone": chosen.time_zone}
        found["business_hours"] = {**hours, "severities": _listed(chosen.severities)}
    return found


def _check_names(settings: Settings, door: Door) -> None:
    """A name that is mistyped would switch nothing on or off."""
    known = {each.key for each in door.listed()}
    given = {
        "PLUGINS_ENABLE": _listed(settings.plugins.enable),
        "PLUGINS_DISABLE": _listed(settings.plugins.disable),
        "plugins.options": tuple(settings.plugins.options),
    }
    for setting, names in given.items():
        if unknown := [name for name in names if name not in known]:
            raise PluginError(f"{setting}: there is no plugin {', '.join(unknown)}; known: {', '.join(sorted(known))}")


def _registries(settings: Settings, door: Door) -> Iterator[CollectorRegistry]:
    """Metrics of plugins that are on. One that is there twice would make Prometheus refuse all of them."""
    seen: dict[str, str] = {}
    listed = {each.key: each for each in door.listed() if each.in_folder}
    registries = {
        id(each.mark.registry): (f"{each.mark.kind}.{each.mark.name}", each.mark.registry)
        for each in door.own
        if each.mark.registry is not None and is_on(listed[f"{each.mark.kind}.{each.mark.name}"], settings)
    }
    for name, registry in registries.values():
        for metric in registry.collect():
            if metric.name.startswith(OUR_METRICS):
                raise PluginError(f"{name}: the metric {metric.name} begins with {OUR_METRICS}, as only ours do")
            if metric.name in seen:
                raise PluginError(f"{name}: the metric {metric.name} is already one of {seen[metric.name]}")
            seen[metric.name] = name
        yield registry


def _used(listed: Sequence[Listed]) -> list[Listed]:
    """Each name once: the folder's goes before what is installed."""
    return list({each.key: each for each in reversed(listed)}.values())[::-1]


def _is_ours(plugin: Listed) -> bool:
    return plugin.origin.startswith(f"{OURS} ")


def _listed(text: str) -> tuple[str, ...]:
    """The words of `a, b`."""
    return tuple(filter(None, map(str.strip, text.split(","))))
