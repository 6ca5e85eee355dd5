"""A second opinion on what changed: was it the same at this time a day and a week before? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from aiops_processor.errors import QueryError
from aiops_processor.evidence.words import statements
from aiops_processor.models.evidence import Change, Evidence, EvidenceReport, Window
from aiops_processor.models.samples import Series
from aiops_processor.query import promql

BEFORE = {"day": timedelta(days=1), "week": timedelta(days=7)}
MOST = 4
"""So many findings are asked about, all in one question: each is two more expressions for Prometheus."""
LONGEST = 600
POINTS = 10
ALIKE = 0.25
"""A change is as it always is at this hour where the value of then is so near (as a share of the change)."""
_LABEL = "aiops_finding"


@dataclass(frozen=True)
class Then:
    """What a finding's value was at the same time before; None where there is no data of then."""

    day: float | None = None
    week: float | None = None


def question(report: EvidenceReport) -> str:
    """One expression for all that is asked, at the window's end; "" where no finding can be asked about."""
    asked = [each for each in report.findings if each.kind == "metric" and each.change and _has_one_value(each.query)]
    return " or ".join(_part(each, when, report.window) for each in asked[:MOST] for when in BEFORE)


def read(answer: Sequence[Series]) -> dict[str, Then]:
    """Finding → its values of then."""
    values = {each.labels.get(_LABEL, ""): each.points[-1][1] for each in answer if each.points}
    found = {name.partition(" ")[0] for name in values}
    return {each: Then(values.get(f"{each} day"), values.get(f"{each} week")) for each in found if each}


def given(report: EvidenceReport, then: Mapping[str, Then]) -> EvidenceReport:
    """The report with what was then, in numbers and in words."""
    findings = tuple(_told(each, then[each.id]) if each.id in then else each for each in report.findings)
    return report.model_copy(update={"findings": findings})


def _has_one_value(query: str) -> bool:
    try:
        return promql.output_labels(query) == []
    except QueryError:
        return False


def _part(finding: Evidence, when: str, window: Window) -> str:
    span = max(60, min(LONGEST, int((window.end - window.onset).total_seconds())))
    shift = int(BEFORE[when].total_seconds())
    then = f"avg_over_time(({finding.query})[{span}s:{max(1, span // POINTS)}s] offset {shift}s)"
    return f'label_replace({then}, "{_LABEL}", "{finding.id} {when}", "", "")'


def _told(finding: Evidence, then: Then) -> Evidence:
    change = finding.change
    if change is None:
        return finding
    values = {when: value for when, value in (("day", then.day), ("week", then.week)) if value is not None}
    said = ", ".join(f"{statements.amount(value, change.unit)} a {when} before" for when, value in values.items())
    usual = "; usual for this hour" if _usual(change, list(values.values())) else ""
    update = {"day_before": then.day, "week_before": then.week}
    statement = f"{finding.statement} (at the same time {said}{usual})"
    return finding.model_copy(update={"change": change.model_copy(update=update), "statement": statement})


def _usual(change: Change, values: Sequence[float]) -> bool:
    """Both days must agree: one may have had an incident of its own."""
    near = ALIKE * abs(change.after - change.before)
    return len(values) == len(BEFORE) and all(abs(value - change.after) <= near for value in values)
