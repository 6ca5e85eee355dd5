"""The analysis of an incident: what is sent to people and programs, as versioned JSON."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from aiops_processor.models.base import Frozen
from aiops_processor.models.evidence import Gap
from aiops_processor.models.past import Past

SCHEMA_VERSION = "1"

RISKS = ("low", "medium", "high")


class Verdict(StrEnum):
    """What an analysis came to; all three are good answers."""

    FOUND = "found"
    INCONCLUSIVE = "inconclusive"
    NOT_AN_INCIDENT = "not_an_incident"


class Statement(Frozen):
    """One claim with the evidence it cites. `verified` only after code checked it against that evidence.

    `reason` says why one is not verified.
    """

    id: str
    statement: str
    verified: bool
    reason: str = ""


class Dropped(Frozen):
    """A sentence of the model that the evidence contradicts: left out of its field, and why."""

    field: str
    sentence: str
    reason: str


class Hypothesis(Frozen):
    """A possible cause, with the ids of what speaks for and against it."""

    cause: str
    supports: tuple[str, ...] = ()
    contradicts: tuple[str, ...] = ()


class Step(Frozen):
    """Something a person may do. `risk` is set by code from the command, not by the model."""

    priority: int
    action: str
    command: str = ""
    risk: Literal["low", "medium", "high"] = "low"
    description: str = ""


class Usage(Frozen):
    """What the model was asked and what it cost. All zero where no model took part."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Exchange(Frozen):
    """One question to a model and what came of it, as it was sent: what was masked is masked here, too.

    `estimated_tokens` is our count of the question, `input_tokens` the model's. `remembered`: the same question had
    been answered before and was not paid for again. `error` says why there is no usable answer. `requests` is how many
    requests it took that may have to be paid, tries in vain among them; of one that was sent and never answered the
    tokens are our count of the question. 0 where nothing was sent, or all were refused.
    """

    at: datetime
    model: str
    system: str
    question: str
    estimated_tokens: int
    answer: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    remembered: bool = False
    requests: int = 1
    error: str = ""


class Spent(Frozen):
    """What has been asked and paid for already, for one incident or for a day."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0


class AnalysisResult(Frozen):
    """The answer to "what changed, where, since when, why?". `model` is "" where the ranked evidence is the report.

    `confidence` is between 0 and 1. `cost_usd` is None where no price is known. `similar` are past incidents that were
    alike: hypotheses to check. `extra` holds a user's own fields.
    """

    schema_version: str = SCHEMA_VERSION
    alert_name: str
    severity: str
    summary: str
    root_cause: str
    outcome: Verdict
    confidence: float = Field(ge=0, le=1)
    hypotheses: tuple[Hypothesis, ...] = ()
    evidence: tuple[Statement, ...] = ()
    remediation_steps: tuple[Step, ...] = ()
    severity_assessment: str = ""
    affected: tuple[str, ...] = ()
    checked_healthy: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    similar: tuple[Past, ...] = ()
    model: str = ""
    usage: Usage = Usage()
    cost_usd: float | None = None
    analyzed_at: datetime
    extra: dict[str, Any] = Field(default_factory=dict)
