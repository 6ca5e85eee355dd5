"""From settings to clients: what evidence is taken from, and the Alertmanagers."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

from aiops_processor.clients.alertmanager import Alertmanager
from aiops_processor.clients.cache import Cache, Kind, Result
from aiops_processor.clients.cached import CachedLoki, CachedPrometheus
from aiops_processor.clients.grafana import Grafana
from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.loki import Loki
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.clock import Clock
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


def cache(clock: Clock, metrics: Metrics) -> Cache:
    """Where answers that incidents share are kept; it counts how often."""

    def count(source: str, kind: Kind, result: Result) -> None:
        metrics.cache_requests.labels(source, kind, result).inc()

    return Cache(clock, count)


def endpoint(source: SourceSettings) -> Endpoint:
    """How a source is reached."""
    known = set(SourceSettings.model_fields) - {"timeout"}
    return Endpoint(timeout_seconds=source.timeout, **source.model_dump(include=known))


def _alertmanagers(settings: AlertmanagerSettings) -> tuple[Alertmanager, ...]:
    """This one and the others that stand in for it: reached in the same way, at another address."""
    urls = filter(None, (settings.url, *listed(settings.peers)))
    return tuple(Alertmanager(endpoint(settings.model_copy(update={"url": url}))) for url in urls)


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


def listed(text: str) -> tuple[str, ...]:
    """The words of `a, b`."""
    return tuple(filter(None, map(str.strip, text.split(","))))
