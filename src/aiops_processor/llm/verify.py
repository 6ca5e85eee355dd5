"""What of a draft may be said: each claim is held against the evidence that it cites.

A first, strict rule: a claim stands when it cites a finding that exists and every number in it is in that finding.
"""

from collections.abc import Iterator
from typing import NamedTuple

from aiops_processor.llm.quantities import Quantity, quantities, quantity
from aiops_processor.llm.risk import risk_of
from aiops_processor.llm.shapes import Draft
from aiops_processor.models.analysis import Hypothesis, Statement, Step, Verdict
from aiops_processor.models.evidence import Evidence, EvidenceReport
from aiops_processor.report.numbers import change

MOST_UNVERIFIED_CONFIDENCE = 0.5


class Checked(NamedTuple):
    """The parts of an analysis that the evidence decides on."""

    outcome: Verdict
    confidence: float
    hypotheses: tuple[Hypothesis, ...]
    evidence: tuple[Statement, ...]
    remediation_steps: tuple[Step, ...]


def check(draft: Draft, evidence: EvidenceReport) -> Checked:
    """The draft's claims, each verified or not; outcome and confidence no higher than what is verified allows."""
    statements = tuple(_checked(claim, evidence) for claim in draft.evidence)
    outcome, confidence = _outcome(draft), draft.confidence or 0.0
    if not any(statement.verified for statement in statements):
        confidence = min(confidence, MOST_UNVERIFIED_CONFIDENCE)
        outcome = Verdict.INCONCLUSIVE if outcome is Verdict.FOUND else outcome
    return Checked(
        outcome=outcome,
        confidence=confidence,
        hypotheses=tuple(_with_known_ids(item, evidence) for item in draft.hypotheses),
        evidence=statements,
        remediation_steps=tuple(_with_risk(step) for step in draft.remediation_steps),
    )


def _outcome(draft: Draft) -> Verdict:
    return draft.outcome or (Verdict.FOUND if draft.root_cause else Verdict.INCONCLUSIVE)


def _checked(claim: Statement, evidence: EvidenceReport) -> Statement:
    cited = evidence.find(claim.id)
    return claim.model_copy(update={"verified": cited is not None and _stands(claim.statement, cited)})


def _stands(statement: str, cited: Evidence) -> bool:
    """A claim without a number says nothing that could be checked: it does not stand."""
    claimed, known = list(quantities(statement)), list(_known(cited))
    return bool(claimed) and all(any(number.agrees(other) for other in known) for number in claimed)


def _known(cited: Evidence) -> Iterator[Quantity]:
    """Every number of a finding."""
    texts = (cited.entity, cited.title, cited.statement, *cited.labels.values(), *(line.line for line in cited.lines))
    for text in texts:
        yield from quantities(text)
    if cited.change:
        before, after, unit = cited.change.before, cited.change.after, cited.change.unit
        yield from (quantity(before, unit), quantity(after, unit), quantity(cited.change.score))
        # As the prompt shows them, too: 500 s stands there as "8 min 20 s".
        yield from quantities(change(before, after, unit))
    if cited.logs:
        logs = cited.logs
        yield from quantities(logs.template)
        yield from (quantity(logs.before), quantity(logs.after))
        yield from (quantity(logs.before_seconds, "s"), quantity(logs.after_seconds, "s"))


def _with_known_ids(hypothesis: Hypothesis, evidence: EvidenceReport) -> Hypothesis:
    sides = {"supports": hypothesis.supports, "contradicts": hypothesis.contradicts}
    return hypothesis.model_copy(
        update={side: tuple(name for name in ids if evidence.find(name)) for side, ids in sides.items()}
    )


def _with_risk(step: Step) -> Step:
    return step.model_copy(update={"risk": risk_of(step.command or step.action)})
