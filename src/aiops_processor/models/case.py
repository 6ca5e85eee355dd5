"""An incident with what is known of it, and what happens to it: what plugins are given."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.base import Frozen
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.incident import Incident


class Case(Frozen):
    """An incident, its alerts, and the newest analysis with its evidence; None where there is none yet."""

    incident: Incident
    alerts: tuple[Alert, ...]
    analysis: AnalysisResult | None = None
    evidence: EvidenceReport | None = None
    url: str = ""

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that all alerts share."""
        first, *others = [alert.labels for alert in self.alerts] or [{}]
        return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}


class Happening(StrEnum):
    """What may happen to an alert or an incident."""

    FILTERED = "filtered"
    OPENED = "opened"
    ANALYSED = "analysed"
    FAILED = "failed"
    TOLD = "told"
    RESOLVED = "resolved"


class Event(Frozen):
    """Something that happened and is committed.

    `case` is None where an alert was filtered: then `alert` is that one and `text` the reason. Of what was told `text`
    is `CHANNEL: OCCASION`; of a failed analysis the reason.
    """

    kind: Happening
    at: datetime
    case: Case | None = None
    alert: Alert | None = None
    text: str = ""
