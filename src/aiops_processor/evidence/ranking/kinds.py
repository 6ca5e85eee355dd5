"""What a metric measures, as its name says it. Data and pure functions.

The words are those that exporters, Prometheus' naming conventions and OpenTelemetry's semantic conventions use. A name
that says nothing counts like one that does: recognition only takes weight off, where a change is known to be an effect
of something else more often than its cause.
"""

import re
from enum import StrEnum
from functools import lru_cache


class Trouble(StrEnum):
    """What kind of trouble a row would show. Rows of one kind tell one story: the loudest speaks for all."""

    NETWORK = "network"
    ERRORS = "errors"
    CLIENT = "seen as a client"
    LATENCY = "latency"
    CPU = "cpu"
    MEMORY = "memory"
    TRAFFIC = "traffic"
    TRANSFER = "transfer"
    LOGS = "log lines"
    CHANGES = "changes"
    OTHER = "other"


_HEALTH = re.compile(r"(?<!un)(success|availab|healthy)|(?<!not)(^|_)ready|(^|_)up(_|$)")
_UNHEALTHY = r"unsuccess|unavail|unhealthy|unready|not_ready"
_TIME = (
    r"laten|duration|elapsed|(^|_)((response|request|server|wait)_?time|lat|m?rt|ms|seconds|milliseconds)(_|$)"
    r"|(^|_)p\d\d"
)
_PATTERNS = (
    (Trouble.LOGS, re.compile(r"^log_lines")),
    (Trouble.NETWORK, re.compile(rf"^(?=.*(^|_)(net|network|edge|hop|rtt|wire)(_|$))(?=.*({_TIME}))|round_?trip")),
    (Trouble.MEMORY, re.compile(r"(^|_)mem(ory)?_(.*_)?(free|avail)")),
    (Trouble.ERRORS, re.compile(rf"(^|_)err|fail|5xx|exception|reject|timeout|abort|{_UNHEALTHY}|{_HEALTH.pattern}")),
    (Trouble.CPU, re.compile(r"cpu|throttl|cfs")),
    (Trouble.MEMORY, re.compile(r"(^|_)(mem|heap|rss|working_set|swap)")),
    (Trouble.CLIENT, re.compile(r"client|upstream|outbound|egress")),
    (Trouble.LATENCY, re.compile(_TIME)),
    (
        Trouble.TRAFFIC,
        re.compile(
            r"[rqt]ps(_|$)|workload|request|calls|invocations|throughput|(^|_)(ops|load\d*|count|cnt|messages|queries|hits)(_|$)"
        ),
    ),
    (Trouble.TRANSFER, re.compile(r"(^|_)(net|network|disk|syscall|io|bytes|read|writ|receive|transmit)")),
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=10_000)
def trouble_of(kind: str) -> Trouble:
    """The first that the name's words fit; a network's time goes before any other time."""
    words = _words(kind)
    return next((trouble for trouble, pattern in _PATTERNS if pattern.search(words)), Trouble.OTHER)


@lru_cache(maxsize=10_000)
def is_health(kind: str) -> bool:
    """Whether less of it is worse: shares of success, availability, targets that answer."""
    return _HEALTH.search(_words(kind)) is not None


def _words(kind: str) -> str:
    """`PodServerLatencyP90(s)` → `pod_server_latency_p90_s`."""
    return _SEPARATORS.sub("_", _CAMEL.sub("_", kind).lower()).strip("_")
