"""From settings to parts: the clients, the evidence engine, the model and the channels that the settings name."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

from aiops_processor.clients.alertmanager import Alertmanager
from aiops_processor.clients.outbound import Outbound
from aiops_processor.clock import Clock
from aiops_processor.evidence.asking.sources import Changes
from aiops_processor.evidence.choice import Choosing
from aiops_processor.evidence.gather import Gatherer
from aiops_processor.evidence.own import WithOwn
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Lineup
from aiops_processor.llm.pace import Pace
from aiops_processor.masking import Mask
from aiops_processor.parts import telling
from aiops_processor.parts.acting import acts
from aiops_processor.parts.closing import closed, kept_on
from aiops_processor.parts.evidence import gatherer, links, mask, queries_of_one, toolbox
from aiops_processor.parts.explaining import explainer, model
from aiops_processor.parts.plugging import Plugged, counting, door, plugged
from aiops_processor.parts.sources import AnyPrometheus, Probe, Sources, cache, endpoint, listed
from aiops_processor.plugins import Notifier
from aiops_processor.query import matchers
from aiops_processor.services.acting.actions import Acts
from aiops_processor.services.analysing.completing import Completing
from aiops_processor.services.grouping.joining import Rules
from aiops_processor.services.grouping.own_rules import OwnRule
from aiops_processor.services.grouping.policy import Policy, Settling
from aiops_processor.services.grouping.priority import Level, Priority
from aiops_processor.services.telling.routing import Routing
from aiops_processor.services.upkeep.pulse import Heartbeat
from aiops_processor.services.upkeep.retention import Keeping
from aiops_processor.services.watching.missed import Patience
from aiops_processor.services.watching.watchdogs import Expected
from aiops_processor.settings import AlertmanagerSettings, Settings
from aiops_processor.telemetry import Metrics

__all__ = [
    "Parts",
    "Probe",
    "Sources",
    "Watched",
    "acts",
    "cache",
    "channels",
    "endpoint",
    "explainer",
    "gatherer",
    "links",
    "mask",
    "model",
    "outbound",
    "plugged",
    "policy",
    "toolbox",
]


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
        opened: AsyncExitStack | None = None,
    ) -> "Parts":
        """The parts that the settings name; nothing is asked yet. Raises ConfigError and PluginError.

        `changes` are those that were posted to the service, `pace` counts what is sent to providers of models. Whoever
        gives `opened` closes with it what was made before a later part failed.
        """
        keep, fault, gate = kept_on(opened or AsyncExitStack()), counting(metrics), outbound(settings)
        sources = Sources.of(settings, cache(clock, metrics))
        keep(sources)
        own = plugged(settings, door(settings), metrics, keep)
        made = model(settings, own.door, fault, keep)
        named = telling.channels(settings, gate, own.door, own.notifiers, fault, keep)
        return cls(
            settings=settings,
            sources=sources,
            gatherer=gatherer(settings, sources, clock, changes, own),
            model=made,
            explainer=explainer(settings, made, clock, toolbox(settings, sources), pace),
            channels=named,
            mask=mask(settings),
            acts=acts(settings, gate, mask(settings), own.door, fault, keep),
            routing=telling.routing(settings, named),
            heartbeat=Heartbeat(telling.heartbeat(settings, gate), settings.heartbeat.seconds),
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
        return max(1, self.settings.max.queries // queries_of_one(self.settings))

    @property
    def keeping(self) -> Keeping:
        kept = self.settings.retention
        return Keeping(timedelta(days=kept.incident_days), timedelta(days=kept.evidence_days))

    @property
    def completing(self) -> Completing:
        return Completing(timedelta(minutes=self.settings.llm.complete_minutes))

    async def aclose(self) -> None:
        """Close every connection."""
        held = (self.sources, self.model, *self.channels.values(), self.heartbeat.where, *self.acts.plugins())
        await asyncio.gather(*(closed(each) for each in held if each))


def channels(settings: Settings, own: Plugged | None = None) -> dict[str, Notifier]:
    """The configured channels by name, plugins' too. Raises PluginError and ConfigError."""
    own = own or plugged(settings, door(settings))
    return telling.channels(settings, outbound(settings), own.door, own.notifiers)


def outbound(settings: Settings) -> Outbound:
    """Where links in alerts may lead."""
    return Outbound(listed(settings.outbound.allow), settings.outbound.private)


def policy(settings: Settings) -> Policy:
    """What the settings say of incidents."""
    seconds, own = settings.watchdog.seconds, settings.grouping
    identity = (OwnRule(label, (), (label,), own.window_seconds) for label in listed(own.identity))
    return Policy(
        rules=Rules(own.window_seconds, own.neighbour_seconds, frozenset(settings.calls)),
        own=(
            *(OwnRule(rule.name, matchers.parse_all(rule.match), rule.by, rule.window_seconds) for rule in own.rules),
            *identity,
        ),
        expected=Expected(matchers.parse(settings.watchdog.match), timedelta(seconds=seconds) if seconds else None),
        priority=Priority(
            listed(settings.priority.severities.lower()),
            tuple(Level(matchers.parse_all(rule.match), rule.level) for rule in settings.priority.rules),
        ),
    )


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
    return Watched(alertmanagers, listed(settings.receivers), patience, prometheus, owns)
