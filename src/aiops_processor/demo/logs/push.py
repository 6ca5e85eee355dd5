"""Loki's push endpoint: what it takes, what it adds to a stream, and what it refuses.

Limits and words as in `limits_config`'s defaults: https://grafana.com/docs/loki/latest/configure/#limits_config.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from aiops_processor.demo.labels import Labels, labels_of, value_of, written
from aiops_processor.demo.logs.limits import Limits
from aiops_processor.demo.logs.store import NANOSECONDS, LogStore

MOST_LINE_BYTES = 262_144
MOST_LABELS = 15
MOST_AHEAD_SECONDS = 600
ADMINISTRATOR = "contact your Loki administrator to see if the limit can be increased"
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
    """The text is the body of the answer."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class _Stream(msgspec.Struct):
    stream: dict[str, str]
    values: list[list[str | dict[str, str]]]


class _Push(msgspec.Struct):
    streams: list[_Stream]


class _Entry(NamedTuple):
    ns: int
    text: str
    metadata: dict[str, str]
    size: int


class Intake:
    """Takes pushes into a store, within limits. Lines before a refused one stay, as in Loki."""

    def __init__(self, store: LogStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._room = float(limits.burst_bytes)
        self._filled_at = store.now()

    def push(self, body: bytes, tenant: str) -> None:
        """Store the lines of a JSON push. Raises PushRefused."""
        try:
            content = msgspec.json.decode(body, type=_Push)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise PushRefused(f"loghttp.PushRequest: {error}") from error
        for stream in content.streams:
            labels = labels_of(stream.stream)
            full = labels_of({**stream.stream, "service_name": _service(labels)})
            _check_labels(labels, full)
            entries = [_entry(values) for values in stream.values]
            for entry in entries:
                self._check(full, entry)
            self._check_rate(entries, tenant)
            self._check_streams(full, tenant)
            for entry in entries:
                level = _level(full, entry.metadata, entry.text)
                self._store.push(full, entry.ns, entry.text, labels_of({**entry.metadata, "detected_level": level}))

    def _check(self, labels: Labels, entry: _Entry) -> None:
        now, oldest, stream = self._store.now(), self._limits.oldest_seconds, f"stream '{written(labels)}'"
        if entry.size > MOST_LINE_BYTES:
            raise PushRefused(
                f"max entry size '{MOST_LINE_BYTES}' bytes exceeded for {stream} "
                f"while adding an entry with length '{entry.size}' bytes"
            )
        if entry.ns > now + MOST_AHEAD_SECONDS * NANOSECONDS:
            raise PushRefused(f"entry for {stream} has timestamp too new: {_time(entry.ns)}")
        if oldest is not None and entry.ns < now - oldest * NANOSECONDS:
            raise PushRefused(
                f"entry for {stream} has timestamp too old: {_time(entry.ns)}, "
                f"oldest acceptable timestamp is: {_time(now - oldest * NANOSECONDS)}"
            )
        if entry.metadata and not self._limits.structured_metadata:
            raise PushRefused(
                f"{stream} includes structured metadata, but this feature is disallowed. Please see "
                "`limits_config.allow_structured_metadata` or contact your Loki administrator to enable it"
            )

    def _check_rate(self, entries: list[_Entry], tenant: str) -> None:
        rate, size = self._limits.bytes_a_second, sum(entry.size for entry in entries)
        if rate is None:
            return
        now = self._store.now()
        room = self._room + (now - self._filled_at) / NANOSECONDS * rate
        self._room, self._filled_at = min(room, self._limits.burst_bytes), now
        if size > self._room:
            raise PushRefused(
                f"ingestion rate limit exceeded for user {tenant} (limit: {rate} bytes/sec) while attempting to ingest "
                f"'{len(entries)}' lines totaling '{size}' bytes, reduce log volume or {ADMINISTRATOR}",
                429,
            )
        self._room -= size

    def _check_streams(self, labels: Labels, tenant: str) -> None:
        if self._limits.streams is not None and not self._store.has_room(labels, self._limits.streams):
            raise PushRefused(
                f"maximum active stream limit exceeded when trying to create stream {written(labels)}, reduce the "
                f"number of active streams (reduce labels or reduce label values), or {ADMINISTRATOR}, "
                f"user: '{tenant}'",
                429,
            )


def _entry(values: list[str | dict[str, str]]) -> _Entry:
    if len(values) not in {2, 3} or not isinstance(values[0], str) or not isinstance(values[1], str):
        raise PushRefused("loghttp.PushRequest: an entry is [timestamp, line] or [timestamp, line, metadata]")
    metadata = values[2] if len(values) == 3 and isinstance(values[2], dict) else {}
    if not values[0].isdigit():
        raise PushRefused(f"loghttp.PushRequest: the timestamp {values[0]!r} is no number of nanoseconds")
    return _Entry(int(values[0]), values[1], metadata, len(values[1].encode()))


def _check_labels(labels: Labels, full: Labels) -> None:
    if len(labels) > MOST_LABELS:
        raise PushRefused(f"entry for stream '{written(full)}' has {len(labels)} label names; limit {MOST_LABELS}")


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns // NANOSECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
