"""Kubernetes events where a collector writes them to Loki. Pure.

Known forms: Grafana Agent and Alloy (`loki.source.kubernetes_events`, logfmt or JSON), kubernetes-event-exporter and
eventrouter (JSON of the core/v1 or events.k8s.io/v1 Event).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from aiops_processor.evidence.mining import fields
from aiops_processor.evidence.rows.entities import NAMESPACES, workload_of
from aiops_processor.models.change import PostedChange
from aiops_processor.models.samples import Entry, Stream
from aiops_processor.query import logql

WRITERS = "kubernetes[-_]?events?|k8s[-_]?events?|event[-_]?exporter|event[-_]?router"
"""Streams of events have such a value in one of their labels."""
WRITER_LABELS = ("job", "app", "service_name", "container", "source", "component")
_WRITER = re.compile(WRITERS, re.IGNORECASE)
CHANGES = {
    "ScalingReplicaSet": "scaling",
    "SuccessfulRescale": "scaling",
    "Killing": "event",
    "Evicted": "event",
    "Preempted": "event",
    "NodeNotReady": "event",
    "Drain": "event",
    "NodeNotSchedulable": "event",
    "TaintManagerEviction": "event",
}
"""What Kubernetes does on purpose and calls Normal. Pulled, Created and Started only follow from it."""
ROUTINE = frozenset({"Scheduled", "Pulled", "Pulling", "Created", "Started", "Completed", "SawCompletedJob"})


def writers(names: Iterable[str]) -> list[str]:
    """Selectors of the streams that events may be written to, of these labels."""
    return ["{" + f"{name}=~{logql.quote(f'(?i).*({WRITERS}).*')}" + "}" for name in WRITER_LABELS if name in names]


def selector(streams: Sequence[Mapping[str, str]]) -> str:
    """The selector of the streams that events are written to, "" where there are none among these."""
    for name in WRITER_LABELS:
        values = sorted({labels[name] for labels in streams if _WRITER.search(labels.get(name, ""))})
        if values:
            return "{" + f"{name}=~{logql.quote('|'.join(map(logql.re2_escape, values)))}" + "}"
    return ""


def changes(streams: Iterable[Stream], query: str) -> list[PostedChange]:
    """The changes and warnings among these lines, oldest first; each reason of each object once, when it came first."""
    found: dict[tuple[str, str, str], PostedChange] = {}
    entries = [(entry, stream.labels) for stream in streams for entry in stream.entries]
    for entry, labels in sorted(entries, key=lambda each: each[0].ns):
        event = _change(entry, labels, query)
        if event is not None:
            found.setdefault((event.service, event.namespace, event.version), event)
    return [each.model_copy(update={"version": ""}) for each in found.values()]


def _change(entry: Entry, labels: Mapping[str, str], query: str) -> PostedChange | None:
    told = _fields(entry.line)
    reason, message = told.get("reason", ""), told.get("message") or told.get("note") or told.get("msg") or ""
    if not reason or reason in ROUTINE or (reason not in CHANGES and told.get("type") != "Warning"):
        return None
    name, kind = told.get("name", ""), told.get("kind", "")
    namespace = told.get("namespace") or next((labels[each] for each in NAMESPACES if labels.get(each)), "")
    return PostedChange(
        source="kubernetes",
        kind="scaling" if CHANGES.get(reason) == "scaling" else "event",
        title=f"{reason} {kind}/{name}: {' '.join(message.split())[:200]}",
        at=datetime.fromtimestamp(entry.at, UTC),
        service=workload_of(name) if kind in {"Pod", "ReplicaSet"} else name,
        namespace=namespace,
        version=reason,
        reference=query,
    )


def _fields(line: str) -> dict[str, str]:
    """What a line says of an event, by the names of logfmt; {} for any other line."""
    try:
        content = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return fields.fields_of(line)
    return _flat(content) if isinstance(content, dict) else {}


def _flat(content: Mapping[str, Any]) -> dict[str, str]:
    event = content.get("event")
    told = event if isinstance(event, dict) else content
    about = next((told[key] for key in ("involvedObject", "regarding") if isinstance(told.get(key), dict)), {})
    both: Sequence[Mapping[str, Any]] = (told, about)
    return {name: value for each in both for name, value in each.items() if isinstance(value, str)}
