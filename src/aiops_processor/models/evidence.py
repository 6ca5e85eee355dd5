"""What was found around an incident before any model was asked."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from aiops_processor.models.base import Frozen

Point = tuple[float, float]
"""(seconds since the epoch, value)"""


class Window(Frozen):
    """The times that are compared: baseline [start, onset), incident [onset, end). All in UTC."""

    start: datetime
    onset: datetime
    end: datetime


class Outcome(StrEnum):
    """How a read ended. Three kinds of nothing are kept apart, for each asks something else of the reader."""

    DATA = "data"
    EMPTY = "empty"  # the metric or stream exists, but nothing matched in this window
    ABSENT = "absent"  # the source knows no such metric or label at all
    FAILED = "failed"  # the source did not answer: nothing is known


class Read(Frozen):
    """One question that was asked of a source, and how it ended. `warnings` are the source's own words.

    `series`, `points` and `octets` are how much it answered. `limit` names the limit of ours that ended it.
    """

    source: str
    title: str
    query: str
    outcome: Outcome
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    error: str = ""
    series: int = 0
    points: int = 0
    octets: int = 0
    limit: str = ""


class Gap(Frozen):
    """What could not be looked at, and why: shown in report, prompt and notification. `limit` as in a read."""

    source: str
    reason: str
    query: str = ""
    limit: str = ""


class Change(Frozen):
    """A series before and after the onset. `score` is the change in units of its own noise; `unit` may be empty.

    `day_before` and `week_before` are its values at the same time then, None where nothing is known of then.
    """

    before: float
    after: float
    score: float
    unit: str = ""
    onset: float | None = None
    day_before: float | None = None
    week_before: float | None = None


class LogLine(Frozen):
    """One real line, as the store returned it. `message` is what it says in words, where that is only a part of it.

    `metadata` is what the store keeps beside the line: structured metadata such as a trace id, and parsed fields.
    """

    at: datetime
    labels: dict[str, str]
    line: str
    level: str = ""
    message: str = ""
    metadata: dict[str, str] = Field(default_factory=dict)


class LogCount(Frozen):
    """How often a kind of line was seen in the baseline and in the incident, and how long each was (seconds)."""

    before: int
    after: int
    before_seconds: float
    after_seconds: float
    level: str = ""
    template: str = ""


class Evidence(Frozen):
    """One finding: what, where, how much, and the query that shows it.

    `id` is what the analysis cites: M1 (metric), L1 (log), C1 (change), A1 (the alert's own rule).
    `entity` is the service, pod or instance that it is about. `score` orders findings of one report, more is stronger.
    `link` opens the query in Prometheus, of logs in Grafana Explore, of a change that we were told of what it names;
    `explore` opens PromQL in Grafana Explore. Both are "" where nobody configured where that is.
    `at` is when a change happened; `source` who told us of it, "" for what was measured. `asked`: the model asked for
    it, by a query of its own (Q1).
    """

    id: str
    kind: Literal["rule", "metric", "log", "change"]
    entity: str
    title: str
    statement: str
    query: str
    score: float
    link: str = ""
    explore: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    change: Change | None = None
    logs: LogCount | None = None
    points: tuple[Point, ...] = ()
    lines: tuple[LogLine, ...] = ()
    at: datetime | None = None
    source: str = ""
    asked: bool = False


class Standing(Frozen):
    """An entity's place in the ranking. `share` of the quiet windows of the system have one that looks as unusual."""

    entity: str
    score: float
    share: float


class EvidenceReport(Frozen):
    """Everything that was found: findings, strongest first; what looked normal; what could not be looked at.

    `order` are the most changed entities, best first, also where nothing is unusual and no finding says so.
    `confidence` is the ranking's chance that the first entity is where it began; None where it named none. `unsure`
    where too little is known of the time before to say whether what changed is unusual.
    """

    window: Window
    findings: tuple[Evidence, ...] = ()
    healthy: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    reads: tuple[Read, ...] = ()
    confidence: float | None = None
    order: tuple[Standing, ...] = ()
    unsure: bool = False

    @property
    def unusual(self) -> bool:
        return bool(self.findings)

    def find(self, evidence_id: str) -> Evidence | None:
        """The finding with this id, None where there is none."""
        return next((item for item in self.findings if item.id == evidence_id), None)
