"""From settings to the evidence engine, and to what a model may look up by itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from aiops_processor.clock import Clock
from aiops_processor.errors import ConfigError
from aiops_processor.evidence.asking import packs
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.packs import Pack
from aiops_processor.evidence.asking.sources import Changes
from aiops_processor.evidence.choice import Choice, Choosing
from aiops_processor.evidence.gather import Gatherer
from aiops_processor.evidence.own import WithOwn
from aiops_processor.evidence.words.links import Links
from aiops_processor.llm.tools.limits import ToolLimits
from aiops_processor.llm.tools.runbooks import Runbooks
from aiops_processor.llm.tools.toolbox import Sources as ToolSources
from aiops_processor.llm.tools.toolbox import Toolbox
from aiops_processor.masking import Mask
from aiops_processor.models.alert import Alert
from aiops_processor.parts.plugging import Plugged, door, for_evidence, gathering
from aiops_processor.parts.sources import AnyLoki, AnyPrometheus, NamedClients, Sources, endpoint, listed
from aiops_processor.query import matchers
from aiops_processor.settings import NamedSource, Settings, SourceSettings
from aiops_processor.text_file import folder_problem


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
    if folder is not None and (problem := folder_problem(folder)):
        raise ConfigError(f"RUNBOOK_FOLDER: {problem}")
    choices = [(matchers.parse_all(each.source.match), each) for each in sources.named]

    def chosen(alerts: Sequence[Alert]) -> ToolSources:
        fits = (each for fitting, each in choices if alerts and matchers.fit(fitting, alerts[0].labels))
        own = next(fits, None)
        if own is None:
            return ToolSources(sources.prometheus, sources.loki)
        return ToolSources(own.prometheus or sources.prometheus, own.loki or sources.loki)

    limits = ToolLimits(calls=llm.tool_calls, rounds=llm.tool_rounds)
    return Toolbox(chosen, Runbooks(listed(runbook.hosts), folder), limits, mask(settings))


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
        concurrency=queries_of_one(settings),
        log_lines=settings.max.log_lines,
        series=max(1, min(usual.series, settings.max.metrics_points // usual.columns)),
    )
    return Gatherer(metrics, logs, asked, limits, clock, where, settings.calls, told)


def mask(settings: Settings) -> Mask | None:
    """What masks secrets and personal data, None where that is switched off."""
    return Mask() if settings.redact.enabled else None


def queries_of_one(settings: Settings) -> int:
    """How many questions one gathering may have under way at each source."""
    return min(Limits().concurrency, settings.max.queries)
