"""From settings to parts: the clients, the evidence engine, the model and the channels that the settings name."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from aiops_processor import channel_parts
from aiops_processor.action_parts import acts
from aiops_processor.clients.alertmanager import Alertmanager
from aiops_processor.clients.cache import Cache, Kind, Result
from aiops_processor.clients.cached import CachedLoki, CachedPrometheus
from aiops_processor.clients.grafana import Grafana
from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.loki import Loki
from aiops_processor.clients.outbound import Outbound
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.clock import Clock
from aiops_processor.errors import ConfigError
from aiops_processor.evidence import packs
from aiops_processor.evidence.choice import Choice, Choosing
from aiops_processor.evidence.gather import Gatherer
from aiops_processor.evidence.limits import Limits
from aiops_processor.evidence.links import Links
from aiops_processor.evidence.own import WithOwn
from aiops_processor.evidence.packs import Pack
from aiops_processor.evidence.sources import Changes
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Lineup
from aiops_processor.llm.pace import Pace
from aiops_processor.llm.tools.limits import ToolLimits
from aiops_processor.llm.tools.runbooks import Runbooks
from aiops_processor.llm.tools.toolbox import Sources as ToolSources
from aiops_processor.llm.tools.toolbox import Toolbox
from aiops_processor.masking import Mask
from aiops_processor.model_parts import explainer, model
from aiops_processor.models.alert import Alert
from aiops_processor.plugin_parts import Plugged, door, for_evidence, gathering, plugged
from aiops_processor.plugins import Notifier
from aiops_processor.query import matchers
from aiops_processor.services.actions import Acts
from aiops_processor.services.completing import Completing
from aiops_processor.services.grouping import Rules
from aiops_processor.services.incidents import Policy, Settling
from aiops_processor.services.missed import Patience
from aiops_processor.services.own_rules import OwnRule
from aiops_processor.services.priority import Level, Priority
from aiops_processor.services.pulse import Heartbeat
from aiops_processor.services.retention import Keeping
from aiops_processor.services.routing import Routing
from aiops_processor.services.watchdogs import Expected
from aiops_processor.settings import AlertmanagerSettings, NamedSource, Settings, SourceSettings
from aiops_processor.telemetry import Metrics

Probe = Callable[[], Awaitable[None]]
AnyPrometheus = Prometheus | CachedPrometheus
AnyLoki = Loki | CachedLoki


@dataclass(frozen=True)
class NamedClients:
    """The clients of one entry of `sources`; None where the default's are used."""

    source: NamedSource
    prometheus: AnyPrometheus | None
    loki: AnyLoki | None
    alertmanagers: tuple[Alertmanager, ...] = ()


@dataclass(frozen=True)
class Watched:
    """One source of webhooks: its Alertmanagers, which stand in for each other, and what else can tell what fires.

    `owns` says that the Prometheus is of this source alone.
    """

    alertmanagers: tuple[Alertmanager, ...]
    receivers: tuple[str, ...]
    patience: Patience
    prometheus: AnyPrometheus | None
    owns: bool


@dataclass(frozen=True)
class Sources:
    """What evidence is taken from, and Alertmanager; None where no address is configured."""

    prometheus: AnyPrometheus | None
    loki: AnyLoki | None
    alertmanager: Alertmanager | None
    named: tuple[NamedClients, ...] = ()
    grafana: Grafana | None = None
    peers: tuple[Alertmanager, ...] = ()

    @classmethod
    def of(cls, settings: Settings, cache: Cache | None = None) -> "Sources":
        """The clients of the settings; with a cache, incidents share answers. Raises ConfigError."""
        alertmanager = settings.alertmanager
        return cls(
            prometheus=_prometheus(settings.prometheus, cache) if settings.prometheus.url else None,
            loki=_loki(settings.loki, cache) if settings.loki.url else None,
            alertmanager=next(iter(_alertmanagers(alertmanager)), None),
            named=tuple(
                NamedClients(
                    source=source,
                    prometheus=_prometheus(source.prometheus, cache, source.name) if source.prometheus else None,
                    loki=_loki(source.loki, cache, source.name) if source.loki else None,
                    alertmanagers=_alertmanagers(source.alertmanager) if source.alertmanager else (),
                )
                for source in settings.sources
            ),
            grafana=_grafana(settings),
            peers=_alertmanagers(alertmanager)[1:],
        )

    @property
    def alertmanagers(self) -> tuple[Alertmanager, ...]:
        """All of them that stand in for each other."""
        return (*((self.alertmanager,) if self.alertmanager else ()), *self.peers)

    @property
    def probes(self) -> Mapping[str, Probe | None]:
        """By name, what tells whether it is well; None for a default one that is not configured."""
        return {
            "prometheus": self.prometheus.healthy if self.prometheus else None,
            "loki": self.loki.healthy if self.loki else None,
            **({"alertmanager": self.alertmanager.healthy} if self.alertmanager else {}),
            **({"grafana": self.grafana.healthy} if self.grafana else {}),
            **{f"alertmanager/{number}": peer.healthy for number, peer in enumerate(self.peers, 2)},
            **{client.name: client.healthy for client in self._named()},
            **{name: client.healthy for name, client in self._named_alertmanagers()},
        }

    async def aclose(self) -> None:
        for client in (self.prometheus, self.loki, *self.alertmanagers, self.grafana, *self._named()):
            if client:
                await client.aclose()
        for _, alertmanager in self._named_alertmanagers():
            await alertmanager.aclose()

    def _named(self) -> Iterator[AnyPrometheus | AnyLoki]:
        for each in self.named:
            yield from (client for client in (each.prometheus, each.loki) if client)

    def _named_alertmanagers(self) -> Iterator[tuple[str, Alertmanager]]:
        for each in self.named:
            for number, client in enumerate(each.alertmanagers, 1):
                yield f"alertmanager/{each.source.name}" + (f"/{number}" if number > 1 else ""), client


@dataclass(frozen=True)
class Parts:
    """Everything that can be replaced while the service runs, made of one reading of the settings."""

    settings: Settings
    sources: Sources
    gatherer: Gatherer | Choosing | WithOwn
    model: Lineup | None
    explainer: Explainer | None
    channels: dict[str, Notifier]
    mask: Mask | None = None
    acts: Acts = field(default_factory=Acts)
    heartbeat: Heartbeat = field(default_factory=Heartbeat)
    routing: Routing = field(default_factory=Routing)
    plugged: Plugged = field(default_factory=Plugged)

    @classmethod
    def of(
        cls,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
        changes: Changes | None = None,
        pace: Pace | None = None,
    ) -> "Parts":
        """The parts that the settings name; nothing is asked yet. Raises ConfigError and PluginError.

        `changes` are those that were posted to the service, `pace` counts what is sent to providers of models.
        """
        sources = Sources.of(settings, cache(clock, metrics))
        own = plugged(settings, door(settings), metrics)
        made, named = model(settings, own.door), channels(settings, own)
        return cls(
            settings=settings,
            sources=sources,
            gatherer=gatherer(settings, sources, clock, changes, own),
            model=made,
            explainer=explainer(settings, made, clock, toolbox(settings, sources), pace),
            channels=named,
            mask=mask(settings),
            acts=acts(settings, outbound(settings), mask(settings), own.door),
            routing=channel_parts.routing(settings, named),
            heartbeat=Heartbeat(channel_parts.heartbeat(settings, outbound(settings)), settings.heartbeat.seconds),
            plugged=own,
        )

    @property
    def settling(self) -> Settling:
        return Settling(self.settings.aiops.settle_seconds, self.settings.aiops.settle_max_seconds)

    @property
    def policy(self) -> Policy:
        return policy(self.settings)

    @property
    def watched(self) -> dict[str, Watched]:
        """By the name under which webhooks come, `default` where they name none: who can tell what they leave out."""
        sources, settings = self.sources, self.settings.alertmanager
        found = {"default": _watched(settings, sources.alertmanagers, sources.prometheus, owns=True)}
        for each in sources.named:
            own = each.source.alertmanager or settings
            prometheus = each.prometheus or sources.prometheus
            owns = each.prometheus is not None
            found[each.source.name] = _watched(own, each.alertmanagers, prometheus, owns=owns)
        return found

    @property
    def gatherings(self) -> int:
        """How many incidents' evidence may be gathered at once, in all processes together."""
        return max(1, self.settings.max.queries // _queries_of_one(self.settings))

    @property
    def keeping(self) -> Keeping:
        kept = self.settings.retention
        return Keeping(timedelta(days=kept.incident_days), timedelta(days=kept.evidence_days))

    @property
    def completing(self) -> Completing:
        return Completing(timedelta(minutes=self.settings.llm.complete_minutes))

    async def aclose(self) -> None:
        """Close every connection."""
        await self.sources.aclose()
        for each in (self.model, *self.channels.values(), self.heartbeat.where, *self.acts.plugins()):
            if each:
                await each.aclose()


def cache(clock: Clock, metrics: Metrics) -> Cache:
    """Where answers that incidents share are kept; it counts how often."""

    def count(source: str, kind: Kind, result: Result) -> None:
        metrics.cache_requests.labels(source, kind, result).inc()

    return Cache(clock, count)


def mask(settings: Settings) -> Mask | None:
    """What masks secrets and personal data, None where that is switched off."""
    return Mask() if settings.redact.enabled else None


def endpoint(source: SourceSettings) -> Endpoint:
    """How a source is reached."""
    known = set(SourceSettings.model_fields) - {"timeout"}
    return Endpoint(timeout_seconds=source.timeout, **source.model_dump(include=known))


def gatherer(
    settings: Settings,
    sources: Sources,
    clock: Clock,
    posted: Changes | None = None,
    own: Plugged | None = None,
) -> Gatherer | Choosing | WithOwn:
    """The evidence engine on these sources: one, or a choice of several, with what plugins add.

    `posted` are the changes we were told.
    """
    own = own or for_evidence(settings, door(settings))
    return gathering(_own_gatherer(settings, sources, clock, posted, own), own, settings, clock)


def _own_gatherer(
    settings: Settings, sources: Sources, clock: Clock, posted: Changes | None, own: Plugged
) -> Gatherer | Choosing:
    asked = (*packs.built_in(), *packs.of_files(own.packs))
    found: dict[str, Changes | None] = {"changes": posted, "grafana": sources.grafana}
    told = {name: source for name, source in found.items() if source is not None}
    usual = settings.prometheus, settings.loki, sources.prometheus, sources.loki
    default = _gatherer(settings, *usual, clock, told, links(settings), asked)
    if not sources.named:
        return default
    return Choosing([_choice(settings, each, sources, clock, told, asked) for each in sources.named], Choice(default))


def links(settings: Settings, source: NamedSource | None = None) -> Links:
    """Where people reach the sources that alerts are looked at in: those of `source` where it has its own."""
    grafana, prometheus, loki = settings.grafana, settings.prometheus, settings.loki
    uids = grafana.prometheus_uid, grafana.loki_uid
    if source is not None:
        prometheus, loki = source.prometheus or prometheus, source.loki or loki
        # The default's data source would show the numbers of another one: no link is better.
        uids = source.prometheus_uid if source.prometheus else uids[0], source.loki_uid if source.loki else uids[1]
    seen = prometheus.external_url or (endpoint(prometheus).url if prometheus.url else "")  # without a password in it
    return Links(seen, grafana.url, loki.external_url, *uids)


def toolbox(settings: Settings, sources: Sources) -> Toolbox:
    """What a model may look at by itself. Raises ConfigError for a folder of runbooks that is none."""
    llm, runbook = settings.llm, settings.runbook
    folder = Path(runbook.folder).expanduser() if runbook.folder else None
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"RUNBOOK_FOLDER: {folder} is no folder")
    choices = [(matchers.parse_all(each.source.match), each) for each in sources.named]

    def chosen(alerts: Sequence[Alert]) -> ToolSources:
        fits = (each for fitting, each in choices if alerts and matchers.fit(fitting, alerts[0].labels))
        own = next(fits, None)
        if own is None:
            return ToolSources(sources.prometheus, sources.loki)
        return ToolSources(own.prometheus or sources.prometheus, own.loki or sources.loki)

    limits = ToolLimits(calls=llm.tool_calls, rounds=llm.tool_rounds)
    return Toolbox(chosen, Runbooks(_listed(runbook.hosts), folder), limits, mask(settings))


def channels(settings: Settings, own: Plugged | None = None) -> dict[str, Notifier]:
    """The configured channels by name, plugins' too. Raises PluginError and ConfigError."""
    own = own or plugged(settings, door(settings))
    return channel_parts.channels(settings, outbound(settings), own.door, own.notifiers)


def outbound(settings: Settings) -> Outbound:
    """Where links in alerts may lead."""
    return Outbound(_listed(settings.outbound.allow), settings.outbound.private)


def policy(settings: Settings) -> Policy:
    """What the settings say of incidents."""
    seconds, own = settings.watchdog.seconds, settings.grouping
    identity = (OwnRule(label, (), (label,), own.window_seconds) for label in _listed(own.identity))
    return Policy(
        rules=Rules(own.window_seconds, own.neighbour_seconds, frozenset(settings.calls)),
        own=(
            *(OwnRule(rule.name, matchers.parse_all(rule.match), rule.by, rule.window_seconds) for rule in own.rules),
            *identity,
        ),
        expected=Expected(matchers.parse(settings.watchdog.match), timedelta(seconds=seconds) if seconds else None),
        priority=Priority(
            _listed(settings.priority.severities.lower()),
            tuple(Level(matchers.parse_all(rule.match), rule.level) for rule in settings.priority.rules),
        ),
    )


def _listed(text: str) -> tuple[str, ...]:
    """The words of `a, b`."""
    return tuple(filter(None, map(str.strip, text.split(","))))


def _alertmanagers(settings: AlertmanagerSettings) -> tuple[Alertmanager, ...]:
    """This one and the others that stand in for it: reached in the same way, at another address."""
    urls = filter(None, (settings.url, *_listed(settings.peers)))
    return tuple(Alertmanager(endpoint(settings.model_copy(update={"url": url}))) for url in urls)


def _watched(
    settings: AlertmanagerSettings,
    alertmanagers: tuple[Alertmanager, ...],
    prometheus: AnyPrometheus | None,
    *,
    owns: bool,
) -> Watched:
    patience = Patience(
        adopt_after=timedelta(seconds=settings.adopt_seconds),
        absent_for=timedelta(seconds=settings.absent_seconds),
        round_seconds=settings.round_seconds,
    )
    return Watched(alertmanagers, _listed(settings.receivers), patience, prometheus, owns)


def _prometheus(source: SourceSettings, cache: Cache | None, name: str = "") -> AnyPrometheus:
    called = f"prometheus/{name}" if name else "prometheus"
    client = Prometheus(endpoint(source), name=called)
    return CachedPrometheus(client, cache, called) if cache else client


def _loki(source: SourceSettings, cache: Cache | None, name: str = "") -> AnyLoki:
    called = f"loki/{name}" if name else "loki"
    client = Loki(endpoint(source), name=called)
    return CachedLoki(client, cache, called) if cache else client


def _grafana(settings: Settings) -> Grafana | None:
    """Its annotations are read where a token is set; the address alone is for links."""
    token = settings.grafana.token
    return Grafana(Endpoint(url=settings.grafana.url, token=token)) if token else None


def _choice(
    settings: Settings,
    named: NamedClients,
    default: Sources,
    clock: Clock,
    told: Mapping[str, Changes],
    asked: Sequence[Pack],
) -> Choice:
    source = named.source
    prometheus, loki = source.prometheus or settings.prometheus, source.loki or settings.loki
    own = {"prometheus": named.prometheus, "loki": named.loki}
    return Choice(
        gatherer=_gatherer(
            settings,
            prometheus,
            loki,
            named.prometheus or default.prometheus,
            named.loki or default.loki,
            clock,
            told,
            links(settings, source),
            asked,
        ),
        matchers=matchers.parse_all(source.match),
        names={kind: client.name for kind, client in own.items() if client},
    )


def _gatherer(
    settings: Settings,
    prometheus: SourceSettings,
    loki: SourceSettings,
    metrics: AnyPrometheus | None,
    logs: AnyLoki | None,
    clock: Clock,
    told: Mapping[str, Changes],
    where: Links,
    asked: Sequence[Pack],
) -> Gatherer:
    usual = Limits()
    limits = Limits(
        seconds=max(usual.seconds, prometheus.timeout, loki.timeout),
        baseline_minutes=settings.time.window_minutes,
        concurrency=_queries_of_one(settings),
        log_lines=settings.max.log_lines,
        series=max(1, min(usual.series, settings.max.metrics_points // usual.columns)),
    )
    return Gatherer(metrics, logs, asked, limits, clock, where, settings.calls, told)


def _queries_of_one(settings: Settings) -> int:
    """How many questions one gathering may have under way at each source."""
    return min(Limits().concurrency, settings.max.queries)
