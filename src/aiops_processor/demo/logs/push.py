"""Loki's push endpoint: what it takes, what it adds to a stream, and what it refuses.

Limits and words as in `limits_config`'s defaults: https://grafana.com/docs/loki/latest/configure/#limits_config.
"""

import re
from datetime import UTC, datetime

import msgspec

from aiops_processor.demo.labels import Labels, labels_of, value_of, written
from aiops_processor.demo.logs.store import NANOSECONDS, LogStore

MOST_LINE_BYTES = 262_144
MOST_LABELS = 15
MOST_AHEAD_SECONDS = 600
SERVICE_LABELS = (
    *("service", "app", "application", "app_name", "name", "app_kubernetes_io_name"),
    *("container", "container_name", "k8s_container_name", "component", "workload", "job", "k8s_job_name"),
)
LEVEL_LABELS = (
    *("detected_level", "level", "LEVEL", "Level", "log.level", "severity", "SEVERITY", "Severity", "SeverityText"),
    *("lvl", "LVL", "Lvl"),
)
LEVELS = {"trace": "trace", "trc": "trace", "debug": "debug", "dbg": "debug", "info": "info", "inf": "info"}
LEVELS |= {"information": "info", "warn": "warn", "wrn": "warn", "warning": "warn", "error": "error", "err": "error"}
LEVELS |= {"fatal": "fatal", "critical": "critical"}
LEVEL_FIELD = re.compile(r"""["']?\b(?:level|lvl|severity|log\.level)["']?\s*[=:]\s*["']?([A-Za-z]+)""", re.IGNORECASE)
WORDS = (
    ("error", re.compile(r"\b(?:err|error|exception)\b|\[error\]", re.IGNORECASE)),
    ("warn", re.compile(r"\b(?:wrn|warn|warning)\b", re.IGNORECASE)),
    ("critical", re.compile(r"\bcritical\b", re.IGNORECASE)),
    ("info", re.compile(r"\b(?:inf|info)\b", re.IGNORECASE)),
    ("debug", re.compile(r"\b(?:dbg|debug)\b", re.IGNORECASE)),
)


class PushRefused(Exception):
    """400; the text is the body."""


class _Stream(msgspec.Struct):
    stream: dict[str, str]
    values: list[list[str | dict[str, str]]]


class _Push(msgspec.Struct):
    streams: list[_Stream]


def push(store: LogStore, body: bytes) -> None:
    """Store the lines of a JSON push. Raises PushRefused; lines before the refused one stay, as in Loki."""
    try:
        content = msgspec.json.decode(body, type=_Push)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PushRefused(f"loghttp.PushRequest: {error}") from error
    for stream in content.streams:
        labels = labels_of(stream.stream)
        full = labels_of({**stream.stream, "service_name": _service(labels)})
        _check_labels(labels, full)
        for entry in stream.values:
            _push_entry(store, full, entry)


def _push_entry(store: LogStore, labels: Labels, entry: list[str | dict[str, str]]) -> None:
    if len(entry) not in {2, 3} or not isinstance(entry[0], str) or not isinstance(entry[1], str):
        raise PushRefused("loghttp.PushRequest: an entry is [timestamp, line] or [timestamp, line, metadata]")
    metadata = entry[2] if len(entry) == 3 and isinstance(entry[2], dict) else {}
    if not entry[0].isdigit():
        raise PushRefused(f"loghttp.PushRequest: the timestamp {entry[0]!r} is no number of nanoseconds")
    ns, text = int(entry[0]), entry[1]
    _check_line(store, labels, ns, text)
    level = _level(labels, metadata, text)
    store.push(labels, ns, text, labels_of({**metadata, "detected_level": level}))


def _check_labels(labels: Labels, full: Labels) -> None:
    if len(labels) > MOST_LABELS:
        raise PushRefused(f"entry for stream '{written(full)}' has {len(labels)} label names; limit {MOST_LABELS}")


def _check_line(store: LogStore, labels: Labels, ns: int, text: str) -> None:
    size = len(text.encode())
    if size > MOST_LINE_BYTES:
        raise PushRefused(
            f"max entry size '{MOST_LINE_BYTES}' bytes exceeded for stream '{written(labels)}' "
            f"while adding an entry with length '{size}' bytes"
        )
    if ns > store.now() + MOST_AHEAD_SECONDS * NANOSECONDS:
        when = datetime.fromtimestamp(ns // NANOSECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise PushRefused(f"entry for stream '{written(labels)}' has timestamp too new: {when}")


def _service(labels: Labels) -> str:
    given = value_of(labels, "service_name")
    return given or next(filter(None, (value_of(labels, name) for name in SERVICE_LABELS)), "unknown_service")


def _level(labels: Labels, metadata: dict[str, str], text: str) -> str:
    """What Loki detects: a level among labels and metadata, a level field of the line, a telling word, or `unknown`."""
    for name in LEVEL_LABELS:
        if given := metadata.get(name) or value_of(labels, name):
            return LEVELS.get(given.lower(), "unknown")
    match = LEVEL_FIELD.search(text)
    if match:
        return LEVELS.get(match.group(1).lower(), "unknown")
    return next((level for level, pattern in WORDS if pattern.search(text)), "unknown")
