"""From settings to parts: the clients, the evidence engine, the model and the channels that the settings name."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiops_processor import plugins
from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.loki import Loki
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.clock import Clock
from aiops_processor.config import Settings, SourceSettings
from aiops_processor.evidence import packs
from aiops_processor.evidence.gather import Gatherer
from aiops_processor.evidence.limits import Limits
from aiops_processor.evidence.links import Links
from aiops_processor.llm.explain import Explainer
from aiops_processor.plugins import Model, Notifier


@dataclass(frozen=True)
class Sources:
    """What evidence is taken from; None where no address is configured."""

    prometheus: Prometheus | None
    loki: Loki | None

    @classmethod
    def of(cls, settings: Settings) -> "Sources":
        return cls(
            prometheus=Prometheus(endpoint(settings.prometheus)) if settings.prometheus.url else None,
            loki=Loki(endpoint(settings.loki)) if settings.loki.url else None,
        )

    @property
    def probes(self) -> Mapping[str, Callable[[], Awaitable[None]] | None]:
        return {
            "prometheus": self.prometheus.healthy if self.prometheus else None,
            "loki": self.loki.healthy if self.loki else None,
        }

    async def aclose(self) -> None:
        for client in (self.prometheus, self.loki):
            if client:
                await client.aclose()


def endpoint(source: SourceSettings) -> Endpoint:
    """How a source is reached."""
    return Endpoint(**dict(source))


def gatherer(settings: Settings, sources: Sources, clock: Clock) -> Gatherer:
    """The evidence engine on these sources."""
    usual = Limits()
    limits = Limits(
        baseline_minutes=settings.time.window_minutes,
        log_lines=settings.max.log_lines,
        series=max(1, min(usual.series, settings.max.metrics_points // usual.columns)),
    )
    prometheus = settings.prometheus
    seen = prometheus.external_url or (endpoint(prometheus).url if prometheus.url else "")  # without a password in it
    links = Links(prometheus_url=seen, grafana_url=settings.grafana.url)
    return Gatherer(sources.prometheus, sources.loki, packs.built_in(), limits, clock, links)


def model(settings: Settings) -> Model | None:
    """The configured model, None where there is neither a key nor an endpoint that needs none.

    Raises PluginError for an unknown provider or a wrong option.
    """
    if settings.model_key is None and not settings.llm.base_url:
        return None
    options: dict[str, Any] = {
        "api_key": settings.model_key,
        "model": settings.llm.model,
        "base_url": settings.llm.base_url,
        "timeout_seconds": settings.llm.timeout,
        "max_retries": settings.llm.max_retries,
        "temperature": settings.llm.temperature,
        "max_tokens": settings.llm.max_tokens,
    }
    given = {name: value for name, value in options.items() if value not in (None, "")}
    return plugins.make("model", settings.llm.provider, given)


def explainer(model: Model | None, clock: Clock) -> Explainer | None:
    """What writes analyses with this model."""
    return Explainer(model, clock=clock) if model else None


def channels(settings: Settings) -> dict[str, Notifier]:
    """The configured channels by name; the log is always one. Raises PluginError for a wrong option."""
    made: dict[str, Notifier] = {"log": plugins.make("notifier", "log", {})}
    if settings.slack.webhook_url:
        made["slack"] = plugins.make("notifier", "slack", {"url": settings.slack.webhook_url})
    if settings.generic.webhook_url:
        made["webhook"] = plugins.make("notifier", "webhook", {"url": settings.generic.webhook_url})
    return made
