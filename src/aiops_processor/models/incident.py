"""Episodes (one alert instance firing once) and incidents (what a person works on)."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal

from aiops_processor.models.alert import NO_NAME, Alert
from aiops_processor.models.base import Frozen

_PLACES = ("service", "pod", "instance", "namespace")


class Episode(Frozen):
    """One alert instance firing once: from its `starts_at` until it resolved.

    `id` is our own; (`source`, `fingerprint`) has at most one open episode. `source` is a configured name of the
    Alertmanager that told us, never its address. `previous` is the episode of the same alert before this one.
    `reconstructed` ones were never told us: Prometheus shows that they fired while we could not be reached.
    """

    id: int
    source: str
    receiver: str
    group_key: str
    alert: Alert
    first_seen: datetime
    last_seen: datetime
    ended_at: datetime | None = None
    incident_id: int | None = None
    previous: int | None = None
    reconstructed: bool = False

    @property
    def open(self) -> bool:
        return self.ended_at is None


class IncidentState(StrEnum):
    """open → analysing → analysed → resolved; `failed` is a visible end of an analysis that could not be made."""

    OPEN = "open"
    ANALYSING = "analysing"
    ANALYSED = "analysed"
    RESOLVED = "resolved"
    FAILED = "failed"


class Incident(Frozen):
    """What a person works on: one or more episodes with one cause, as far as we can tell.

    `generation` counts the analyses that were due; `due_at` is when the next one is, None when none is.
    `reopened` counts how often it fired again soon after its end. `merged_into` is the incident that this one turned
    out to be the same as. `manual` incidents came through /analyze: they do not settle, and no Alertmanager ends them.
    The smaller `priority`, the sooner it is worked on. `flapping` ones have come back again and again.
    `incomplete_since` is when a report first went out without its model, None where none is missing; `completions`
    counts how often that model has been asked again, which is due once more at `complete_at`.
    """

    id: int
    title: str
    severity: str
    state: IncidentState
    source: str
    group_key: str
    reason: str
    opened_at: datetime
    updated_at: datetime
    generation: int = 0
    due_at: datetime | None = None
    resolved_at: datetime | None = None
    manual: bool = False
    reopened: int = 0
    merged_into: int | None = None
    priority: int = 0
    flapping: bool = False
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    incomplete_since: datetime | None = None
    complete_at: datetime | None = None
    completions: int = 0


class TimelineEntry(Frozen):
    """One line of an incident's history: what an operator asks first. `change`: of the system, not of the incident."""

    at: datetime
    kind: Literal["opened", "joined", "analysed", "notified", "failed", "resolved", "note", "change"]
    text: str


def title_of(alerts: Sequence[Alert]) -> str:
    """What an incident is called: its commonest alert name, and where they fire."""
    if not alerts:
        return NO_NAME
    names = Counter(alert.name for alert in alerts)
    name = max(sorted(names), key=names.__getitem__)
    name += f" and {len(names) - 1} more" if len(names) > 1 else ""
    where = next((place for label in _PLACES if (place := _place(alerts, label))), "")
    return f"{name} on {where}" if where else name


def _place(alerts: Sequence[Alert], label: str) -> str:
    found = list(dict.fromkeys(alert.labels[label] for alert in alerts if alert.labels.get(label)))
    return ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
