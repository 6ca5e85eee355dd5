"""What the service says about itself: every metric in one list, and the log's form."""

import functools
import logging
import sys
from collections.abc import Sequence

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from aiops_processor.masking import Mask

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Every metric of the service. One instance a process, with a registry of its own, so that tests can have many."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self._own: tuple[CollectorRegistry, ...] = ()
        self.webhooks = Counter("aiops_webhooks", "Posts to /webhook/alerts by answer.", ["status"], registry=registry)
        self.alerts_received = Counter(
            "aiops_alerts_received", "Alerts stored, by their status.", ["status"], registry=registry
        )
        self.alerts_rejected = Counter("aiops_alerts_rejected", "Alerts kept as dead letters.", registry=registry)
        self.alerts_processed = Counter(
            "aiops_alerts_processed", "Alerts whose incident was analysed.", registry=registry
        )
        self.changes_received = Counter(
            "aiops_changes_received", "Changes that were posted, by who told us.", ["source"], registry=registry
        )
        self.analyses = Counter("aiops_analyses", "Analyses finished, by outcome.", ["outcome"], registry=registry)
        self.analysis_duration = Histogram(
            "aiops_analysis_duration_seconds",
            "From the start of gathering to the finished analysis.",
            registry=registry,
            buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
        )
        self.reads = Counter(
            "aiops_source_reads", "Questions to a source, by how they ended.", ["source", "outcome"], registry=registry
        )
        self.read_seconds = _of_source(registry, "read_seconds", "Seconds that questions to a source took.")
        self.read_series = _of_source(registry, "series", "Series, label sets and names that a source answered.")
        self.read_points = _of_source(registry, "points", "Samples that a source answered.")
        self.read_bytes = _of_source(registry, "bytes", "Bytes that a source answered.")
        self.read_limits = Counter(
            "aiops_source_limits",
            "Incidents whose evidence met a limit: series, questions, octets or seconds.",
            ["source", "limit"],
            registry=registry,
        )
        self.cache_requests = Counter(
            "aiops_cache_requests",
            "Questions to a source that may be answered from memory: hit, miss, or joined to one under way.",
            ["source", "kind", "result"],
            registry=registry,
        )
        self.deliveries = Counter(
            "aiops_deliveries",
            "Attempts to tell a channel, by how they ended.",
            ["channel", "result"],
            registry=registry,
        )
        self.actions = Counter(
            "aiops_actions", "Tries of actions, by how they ended.", ["action", "result"], registry=registry
        )
        self.model_tokens, self.model_calls, self.model_cost = _of_model(registry)
        self.alerts_filtered, self.plugin_faults = _of_plugins(registry)
        self.queue_size = Gauge("aiops_queue_size", "Incidents and messages that wait for work.", registry=registry)

    def use(self, own: Sequence[CollectorRegistry]) -> None:
        """From now on give out these metrics of plugins, too."""
        self._own = tuple(own)

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return b"".join((generate_latest(self.registry), *map(_of_a_plugin, self._own)))


def _of_model(registry: CollectorRegistry) -> tuple[Counter, Counter, Counter]:
    tokens = Counter("aiops_model_tokens", "Tokens of the model.", ["direction"], registry=registry)
    words = "Questions to the model: answered, failed or remembered; tries in vain are failed ones."
    calls = Counter("aiops_model_calls", words, ["result"], registry=registry)
    words = "What the model's answers cost, by the price table."
    return tokens, calls, Counter("aiops_model_cost_usd", words, registry=registry)


def _of_plugins(registry: CollectorRegistry) -> tuple[Counter, Counter]:
    """What filters kept out, and what plugins did wrong."""
    filtered = Counter("aiops_alerts_filtered", "Alerts that make no incident.", ["filter"], registry=registry)
    labels, words = ["kind", "plugin", "fault"], "Calls of plugins that raised, were slow or gave a wrong answer."
    return filtered, Counter("aiops_plugin_faults", words, labels, registry=registry)


def _of_a_plugin(registry: CollectorRegistry) -> bytes:
    """What cannot be given out is left out: our own metrics must not be lost with it."""
    try:
        return generate_latest(registry)
    except Exception:  # noqa: BLE001 - a stranger's collectors may raise anything
        structlog.get_logger(__name__).exception("metrics of a plugin cannot be given out")
        return b""


def _of_source(registry: CollectorRegistry, what: str, words: str) -> Counter:
    return Counter(f"aiops_source_{what}", words, ["source"], registry=registry)


_MASK = functools.cache(Mask)


def _masked(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """No secret and no personal data in the log, whoever wrote the message; its own words are constants."""
    del logger, method
    plain = ("event", "level", "timestamp")
    return {name: value if name in plain[1:] else _MASK().value(value) for name, value in event.items()}


def set_up_logging(level: str) -> None:
    """One JSON object a line on standard error; libraries' own logs in the same form, at WARNING."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _masked,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("aiops_processor").setLevel(level.upper())
