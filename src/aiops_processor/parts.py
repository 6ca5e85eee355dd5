"""From settings to parts: the clients, the evidence engine, the model and the channels that the settings name."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiops_processor import plugins
from aiops_processor.clients.alertmanager import Alertmanager
from aiops_processor.clients.cache import Cache, Kind, Result
from aiops_processor.clients.cached import CachedLoki, CachedPrometheus
from aiops_processor.clients.grafana import Grafana
from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.loki import Loki
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.clock import Clock
from aiops_processor.config import AlertmanagerSettings, NamedSource, Settings, SourceSettings
from aiops_processor.errors import ConfigError
from aiops_processor.evidence import packs
from aiops_processor.evidence.choice import Choice, Choosing
from aiops_processor.evidence.gather import Gatherer
from aiops_processor.evidence.limits import Limits
from aiops_processor.evidence.links import Links
from aiops_processor.evidence.sources import Changes
from aiops_processor.llm.budget import Limit
from aiops_processor.llm.budget import Limits as Budgets
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Candidate, Lineup, Price, budget_of
from aiops_processor.llm.prompt import Prompts
from aiops_processor.masking import Mask
from aiops_processor.plugins import Model, Notifier
from aiops_processor.query import matchers
from aiops_processor.services.grouping import Rules
from aiops_processor.services.incidents import Policy, Settling
from aiops_processor.services.missed import Patience
from aiops_processor.services.own_rules import OwnRule
from aiops_processor.services.priority import Level, Priority
from aiops_processor.services.retention import Keeping
from aiops_processor.services.watchdogs import Expected
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
            alertmanager=Alertmanager(endpoint(alertmanager)) if alertmanager.url else None,
            named=tuple(
                NamedClients(
                    source=source,
                    prometheus=_prometheus(source.prometheus, cache, source.name) if source.prometheus else None,
                    loki=_loki(source.loki, cache, source.name) if source.loki else None,
                )
                for source in settings.sources
            ),
            grafana=_grafana(settings),
            peers=tuple(Alertmanager(endpoint(peer)) for peer in _peers(alertmanager)),
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
        }

    async def aclose(self) -> None:
        for client in (self.prometheus, self.loki, *self.alertmanagers, self.grafana, *self._named()):
            if client:
                await client.aclose()

    def _named(self) -> Iterator[AnyPrometheus | AnyLoki]:
        for each in self.named:
            yield from (client for client in (each.prometheus, each.loki) if client)


@dataclass(frozen=True)
class Parts:
    """Everything that can be replaced while the service runs, made of one reading of the settings."""

    settings: Settings
    sources: Sources
    gatherer: Gatherer | Choosing
    model: Lineup | None
    explainer: Explainer | None
    channels: dict[str, Notifier]
    mask: Mask | None = None

    @classmethod
    def of(cls, settings: Settings, clock: Clock, metrics: Metrics, changes: Changes | None = None) -> "Parts":
        """The parts that the settings name; nothing is asked yet. Raises ConfigError and PluginError.

        `changes` are those that were posted to the service.
        """
        sources = Sources.of(settings, cache(clock, metrics))
        made = model(settings)
        return cls(
            settings=settings,
            sources=sources,
            gatherer=gatherer(settings, sources, clock, changes),
            model=made,
            explainer=explainer(settings, made, clock),
            channels=channels(settings),
            mask=mask(settings),
        )

    @property
    def settling(self) -> Settling:
        return Settling(self.settings.aiops.settle_seconds, self.settings.aiops.settle_max_seconds)

    @property
    def policy(self) -> Policy:
        return policy(self.settings)

    @property
    def patience(self) -> Patience:
        asked = self.settings.alertmanager
        return Patience(
            adopt_after=timedelta(seconds=asked.adopt_seconds),
            absent_for=timedelta(seconds=asked.absent_seconds),
            round_seconds=asked.round_seconds,
        )

    @property
    def receivers(self) -> tuple[str, ...]:
        """Alertmanager's receivers that are ours by configuration."""
        return _listed(self.settings.alertmanager.receivers)

    @property
    def keeping(self) -> Keeping:
        kept = self.settings.retention
        return Keeping(timedelta(days=kept.incident_days), timedelta(days=kept.evidence_days))

    async def aclose(self) -> None:
        """Close every connection."""
        await self.sources.aclose()
        for each in (self.model, *self.channels.values()):
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


def gatherer(settings: Settings, sources: Sources, clock: Clock, posted: Changes | None = None) -> Gatherer | Choosing:
    """The evidence engine on these sources: one, or a choice of several. `posted` are the changes we were told."""
    found: dict[str, Changes | None] = {"changes": posted, "grafana": sources.grafana}
    told = {name: source for name, source in found.items() if source is not None}
    default = _gatherer(settings, settings.prometheus, settings.loki, sources.prometheus, sources.loki, clock, told)
    if not sources.named:
        return default
    return Choosing([_choice(settings, each, sources, clock, told) for each in sources.named], Choice(default))


def model(settings: Settings) -> Lineup | None:
    """The configured model and its fallbacks, None where there is neither a key nor an endpoint that needs none.

    Raises ConfigError for a fallback that cannot be asked, PluginError for an unknown provider or a wrong option.
    """
    llm = settings.llm
    if not llm.fallbacks and not llm.base_url and llm.provider != "ollama" and settings.key_of(llm.provider) is None:
        return None
    first = _candidate(settings, llm.provider, llm.model, base_url=llm.base_url, context_tokens=llm.context_tokens)
    others = [_candidate(settings, provider, name) for provider, name in _fallbacks(llm.fallbacks)]
    return Lineup((first, *others), llm.deadline)


def explainer(settings: Settings, models: Lineup | None, clock: Clock) -> Explainer | None:
    """What writes analyses with these models. Raises ConfigError for templates that leave no room for evidence."""
    if models is None:
        return None
    made = prompts(settings)
    for candidate in models.candidates:
        made.check(candidate.token_budget)
    hidden = [name for each in settings.redact.names.split(",") if (name := each.strip())]
    return Explainer(models, clock, made, limits(settings), hidden)


def prompts(settings: Settings) -> Prompts:
    """The templates in force: the user's own in front of ours."""
    llm = settings.llm
    return Prompts(Path(llm.prompts).expanduser() if llm.prompts else None, llm.language)


def limits(settings: Settings) -> Budgets:
    """What a model may cost."""
    llm = settings.llm
    return Budgets(
        incident=Limit(calls=llm.incident_calls, tokens=llm.incident_tokens, usd=llm.incident_usd),
        day=Limit(calls=llm.day_calls, tokens=llm.day_tokens, usd=llm.day_usd),
    )


def channels(settings: Settings) -> dict[str, Notifier]:
    """The configured channels by name; the log is always one, in shadow mode the only one.

    Raises PluginError for a wrong option.
    """
    made: dict[str, Notifier] = {"log": plugins.make("notifier", "log", {})}
    if settings.aiops.shadow:
        return made
    if settings.slack.webhook_url:
        made["slack"] = plugins.make("notifier", "slack", {"url": settings.slack.webhook_url})
    if settings.generic.webhook_url:
        made["webhook"] = plugins.make("notifier", "webhook", {"url": settings.generic.webhook_url})
    return made


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


def _peers(settings: AlertmanagerSettings) -> Iterator[AlertmanagerSettings]:
    """The others that stand in for this one: reached in the same way, at another address."""
    for url in _listed(settings.peers):
        yield settings.model_copy(update={"url": url})


def _candidate(
    settings: Settings, provider: str, name: str, base_url: str = "", context_tokens: int | None = None
) -> Candidate:
    """One model. Where LLM_BASE_URL and LLM_CONTEXT_TOKENS are not its own, its provider says what is."""
    llm, key = settings.llm, settings.key_of(provider)
    if key is None and not base_url and provider in {"deepseek", "openai", "anthropic"}:
        raise ConfigError(f"{provider.upper()}_API_KEY is not set, and the models to ask name {provider}")
    options: dict[str, Any] = {
        "api_key": key,
        "model": name,
        "base_url": base_url or (settings.ollama.url if provider == "ollama" else ""),
        "timeout_seconds": llm.timeout,
        "max_retries": llm.max_retries,
        "temperature": llm.temperature,
        "top_p": llm.top_p,
        "max_tokens": llm.max_tokens,
        "context_tokens": context_tokens,
        **({"thinking": llm.thinking} if provider == "deepseek" else {}),
    }
    given = {option: value for option, value in options.items() if value not in (None, "")}
    made: Model = plugins.make("model", provider, given)
    called = name or str(plugins.load("model", provider).Options.model_fields["model"].default)
    price = llm.prices.get(called)
    return Candidate(made, budget_of(made), Price(**price.model_dump()) if price else None, called, llm.max_tokens)


def _fallbacks(text: str) -> Iterator[tuple[str, str]]:
    """The providers and models of `openai:gpt-x, ollama:qwen3:8b`. Raises ConfigError."""
    for each in filter(None, map(str.strip, text.split(","))):
        provider, _, name = each.partition(":")
        if not provider or not name:
            raise ConfigError(f"LLM_FALLBACKS: {each!r} is no provider:model; write for example ollama:qwen3:8b")
        yield provider, name


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
    settings: Settings, named: NamedClients, default: Sources, clock: Clock, told: Mapping[str, Changes]
) -> Choice:
    source = named.source
    own = {"prometheus": named.prometheus, "loki": named.loki}
    return Choice(
        gatherer=_gatherer(
            settings,
            source.prometheus or settings.prometheus,
            source.loki or settings.loki,
            named.prometheus or default.prometheus,
            named.loki or default.loki,
            clock,
            told,
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
) -> Gatherer:
    usual = Limits()
    limits = Limits(
        seconds=max(usual.seconds, prometheus.timeout, loki.timeout),
        baseline_minutes=settings.time.window_minutes,
        log_lines=settings.max.log_lines,
        series=max(1, min(usual.series, settings.max.metrics_points // usual.columns)),
    )
    seen = prometheus.external_url or (endpoint(prometheus).url if prometheus.url else "")  # without a password in it
    links = Links(prometheus_url=seen, grafana_url=settings.grafana.url, loki_url=loki.external_url)
    return Gatherer(metrics, logs, packs.built_in(), limits, clock, links, settings.calls, told)
