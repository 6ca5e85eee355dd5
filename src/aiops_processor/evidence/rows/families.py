"""What a metric's name, type and labels say about how to read it. Data and pure functions.

Sources: Prometheus' naming conventions, OpenMetrics, the exporters' and OpenTelemetry's semantic conventions.
"""

import re
from collections.abc import Mapping
from typing import Literal

from aiops_processor.clients.prometheus import Metadata

NOISE = (
    "ALERTS.*",  # the alerts themselves
    "scrape_.*",  # Prometheus about its own scraping
    ".*_created",  # OpenMetrics: when a counter began
    ".*_bucket",  # many series that say little one by one; quantiles are asked of Prometheus
    "go_.*",  # runtime internals, which move with every load
    "python_gc_.*",
    "promhttp_.*",  # a target about being scraped
    "net_conntrack_.*",
    "process_max_fds|process_virtual_memory(_max)?_bytes",
)
"""Names that are not read as neighbours, as regular expressions (RE2 and Python alike)."""

STATUS_LABELS = (
    "code", "status", "status_code", "http_status", "http_status_code", "http_response_status_code", "response_code",
    "grpc_code", "grpc_status", "rpc_grpc_status_code", "outcome", "result", "error",
)  # fmt: skip
"""Labels that say how a request ended."""

Ending = Literal["ok", "failed", "rejected", ""]

_FAILED = re.compile(
    r"5\d\d|5xx|fail(ed|ure|ures)?|errors?|err|timeouts?|time_?out|exception|ko|true|server_error|unavailable|internal"
    r"|unknown|deadline_?exceeded|data_?loss|aborted|unimplemented|resource_?exhausted|1[02345]|[248]|dropped|crash(ed)?|(connection_?)?refused|unreachable|reset",
    re.IGNORECASE,
)
_REJECTED = re.compile(
    r"4\d\d|4xx|client_error|denied|rejected|invalid_?argument|not_?found|already_?exists|permission_?denied"
    r"|unauthenticated|cancell?ed|out_?of_?range|failed_?precondition",
    re.IGNORECASE,
)
VERSION_LABELS = ("version", "app_kubernetes_io_version", "image", "tag", "revision", "commit", "build", "git_commit")
"""Labels that say which build runs."""

_NO_ERROR = ("", "false", "none", "0", "no", "ok")

_NOISE = re.compile("|".join(NOISE))
_COUNTER = re.compile(r".*_(total|count|sum|bucket)")
_MOMENT = re.compile(r".*(_time_seconds|_timestamp(_seconds)?|_timestamp_ms|_time)|.*_(boot|start)_time.*")
_INFO = re.compile(r".*(_info|_labels|_annotations|_metadata)")
_UNITS = (("_seconds", "s"), ("_milliseconds", "ms"), ("_bytes", "bytes"), ("_celsius", "°C"), ("_percent", "%"))


def noise() -> str:
    """One regular expression of the names that are not read as neighbours."""
    return "|".join(NOISE)


def is_noise(metric: str) -> bool:
    return _NOISE.fullmatch(metric) is not None


def is_counter(metric: str, metadata: Mapping[str, Metadata]) -> bool:
    """Whether a metric only grows: its type says so, or, where no type is known, its suffix."""
    known = metadata.get(metric)
    if known is not None and known.type in ("counter", "gauge"):
        return known.type == "counter"
    return _COUNTER.fullmatch(metric) is not None


def is_native(metric: str, metadata: Mapping[str, Metadata]) -> bool:
    """Whether a series of this name is a native histogram: the classic ones have none of that name itself."""
    known = metadata.get(metric)
    return known is not None and known.type in ("histogram", "gaugehistogram") and not _COUNTER.fullmatch(metric)


def is_moment(metric: str) -> bool:
    """Whether the value is a time since the epoch: its change is an event, its size says nothing."""
    return _MOMENT.fullmatch(metric) is not None


def is_info(metric: str) -> bool:
    """Whether the labels are the information and the value is always 1."""
    return _INFO.fullmatch(metric) is not None


def ending_of(labels: Mapping[str, str]) -> Ending:
    """How the requests that a series counts ended; "" where no label says so."""
    for name in STATUS_LABELS:
        value = labels.get(name)
        if value is not None:
            return "failed" if name == "error" and value.lower() not in _NO_ERROR else ending(value)
    return ""


def ending(value: str) -> Ending:
    """How a request with this status ended: HTTP codes, gRPC names and numbers, and the usual words."""
    if _FAILED.fullmatch(value):
        return "failed"
    return "rejected" if _REJECTED.fullmatch(value) else "ok"


def unit_of(metric: str, metadata: Mapping[str, Metadata]) -> str:
    """The unit of the values as they are, "" where nothing says it."""
    known = metadata.get(metric)
    if known is not None and known.unit:
        return known.unit
    name = re.sub(r"_(total|sum|count)$", "", metric)
    return next((unit for suffix, unit in _UNITS if name.endswith(suffix)), "")
