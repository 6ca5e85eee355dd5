"""How well the evidence of replayed incidents names what was broken. Pure.

A recording's truth is compared here with what was found, after everything was found.
"""

from collections.abc import Iterable, Sequence
from statistics import fmean

from aiops_processor.models.analysis import AnalysisResult, Verdict
from aiops_processor.models.base import Frozen
from aiops_processor.models.evidence import EvidenceReport, Outcome
from aiops_processor.models.incident import Incident

TOP_LINES = 5


class Found(Frozen):
    """One incident as it was at the end, with its last analysis; None where it has none."""

    incident: Incident
    evidence: EvidenceReport | None = None
    analysis: AnalysisResult | None = None


class Case(Frozen):
    """One recording that was played.

    `incidents` counts those that people would have seen. `entities` are those of the evidence, best first, over all
    incidents. `truth` is what was broken, None in a quiet time; `rank` is its place among the entities (1 is first),
    None where it is not there. `evidence` are the strongest lines. `seconds` is what playing took; `queries` how many
    questions the last analyses asked. `failures` are of the machinery: analyses that failed, sources that did.
    """

    case: str
    incidents: int
    entities: tuple[str, ...]
    truth: str | None
    rank: int | None
    outcome: Verdict | None
    confidence: float | None
    evidence: tuple[str, ...]
    gaps: tuple[str, ...]
    seconds: float
    queries: int
    failures: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """The broken entity is first; of a quiet time, nothing is named."""
        return self.rank == 1 if self.truth else not self.entities


class Failure(Frozen):
    """A recording that could not be played: it says nothing about the product's answers."""

    case: str
    error: str


class Summary(Frozen):
    """All cases together. Shares (0 to 1) are of the cases with a fault, None without any; seconds are in all."""

    cases: int
    faults: int
    quiet: int
    top1: float | None
    top3: float | None
    mean_reciprocal_rank: float | None
    quiet_right: int
    incidents: int
    seconds: float
    queries: int
    failures: tuple[Failure, ...] = ()


class Evaluation(Frozen):
    """What `aiops eval` found."""

    cases: tuple[Case, ...]
    summary: Summary


def case(name: str, found: Sequence[Found], truth: str | None, seconds: float) -> Case:
    """What was found in one recording, oldest incident first, beside what was broken in it."""
    told = [each for each in found if each.incident.merged_into is None]
    entities = _entities(each.evidence for each in told)
    reports = [each.evidence for each in told if each.evidence]
    analyses = [each.analysis for each in told if each.analysis]
    return Case(
        case=name,
        incidents=len(told),
        entities=entities,
        truth=truth,
        rank=entities.index(truth) + 1 if truth in entities else None,
        outcome=analyses[0].outcome if analyses else None,
        confidence=analyses[0].confidence if analyses else None,
        evidence=tuple(each.statement for report in reports for each in report.findings[:TOP_LINES]),
        gaps=tuple(f"{gap.source}: {gap.reason}" for report in reports for gap in report.gaps),
        seconds=round(seconds, 2),
        queries=sum(len(report.reads) for report in reports),
        failures=tuple(_failures(told)),
    )


def summarise(cases: Sequence[Case], failures: Sequence[Failure]) -> Summary:
    """All cases in figures; a case whose machinery failed counts as it came out, and is named in `failures` too."""
    faults = [each for each in cases if each.truth]
    quiet = [each for each in cases if not each.truth]
    own = [Failure(case=each.case, error=error) for each in cases for error in each.failures]
    return Summary(
        cases=len(cases),
        faults=len(faults),
        quiet=len(quiet),
        top1=_share(each.rank == 1 for each in faults),
        top3=_share(each.rank is not None and each.rank <= 3 for each in faults),
        mean_reciprocal_rank=_share(1 / each.rank if each.rank else 0.0 for each in faults),
        quiet_right=sum(each.right for each in quiet),
        incidents=sum(each.incidents for each in cases),
        seconds=round(sum(each.seconds for each in cases), 2),
        queries=sum(each.queries for each in cases),
        failures=(*failures, *own),
    )


def _entities(reports: Iterable[EvidenceReport | None]) -> tuple[str, ...]:
    """The entities of each report, best first; with several incidents their firsts come before their seconds."""
    orders = [list(dict.fromkeys(each.entity for each in report.findings)) for report in reports if report]
    longest = max(map(len, orders), default=0)
    return tuple(dict.fromkeys(order[place] for place in range(longest) for order in orders if place < len(order)))


def _failures(found: Sequence[Found]) -> Iterable[str]:
    for each in found:
        if each.analysis is None:
            yield f"incident {each.incident.id} has no analysis"
        for read in each.evidence.reads if each.evidence else ():
            if read.outcome is Outcome.FAILED:
                yield f"{read.source} did not answer {read.title}: {read.error}"


def _share(values: Iterable[float]) -> float | None:
    listed = list(values)
    return round(fmean(listed), 4) if listed else None
