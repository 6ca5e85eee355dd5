"""What of a draft may be said: every sentence of every field is held against the evidence.

A false sentence of prose is dropped, one that cannot be checked is marked, one that says why stays a hypothesis.
Outcome and confidence are no higher than what remains.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from aiops_processor.llm.reading.shapes import Draft
from aiops_processor.llm.verification.judging import FOREIGN, Judge, Judgement, Standing, says_why
from aiops_processor.llm.verification.risk import risk_of
from aiops_processor.llm.verification.sentences import sentences
from aiops_processor.models.analysis import Dropped, Hypothesis, Statement, Step, Verdict
from aiops_processor.models.evidence import EvidenceReport

MOST_UNVERIFIED_CONFIDENCE = 0.5
UNVERIFIED = "(unverified)"
FIGURES_ONLY = "(only figures and names checked)"
HYPOTHESIS = "Hypothesis: "
NOTHING_LEFT = "Nothing that the model said of this agrees with the evidence."
WHY = "it says why, which no evidence can show"
BESIDE = "it stands beside a sentence that is false"
_ADDRESS = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_ROLLBACK = ("rollback", "roll back", "rolled back", "roll-back", "rollout undo", "revert", "downgrade")


class Checked(NamedTuple):
    """The parts of an analysis that the evidence decides on."""

    summary: str
    root_cause: str
    outcome: Verdict
    confidence: float
    hypotheses: tuple[Hypothesis, ...]
    evidence: tuple[Statement, ...]
    remediation_steps: tuple[Step, ...]
    severity_assessment: str
    affected: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    extra: dict[str, Any]


def check(
    draft: Draft,
    evidence: EvidenceReport,
    names: Iterable[str] = (),
    extra: Iterable[str] = (),
    texts: Iterable[str] = (),
) -> Checked:
    """The draft with what the evidence bears out.

    `names` are components that the alerts name beside the evidence's; `extra` are the user's own fields, any other is
    left out. `texts` are what the alerts and the user say beside the evidence: an address in a field of the user's own,
    as of a runbook, is one of theirs.
    """
    addresses = frozenset(address for text in texts for address in _addresses(text))
    return _Check(evidence, names, addresses).of(draft, frozenset(extra))


class _Check:
    """One draft against one report; remembers what it dropped."""

    def __init__(self, evidence: EvidenceReport, names: Iterable[str], addresses: frozenset[str]) -> None:
        self._evidence = evidence
        self._judge = Judge(evidence)
        self._names = {name.lower() for name in (*names, *_names(evidence)) if name}
        self._addresses = addresses
        self._dropped: list[Dropped] = []

    def of(self, draft: Draft, extra: frozenset[str]) -> Checked:
        statements = tuple(each for claim in draft.evidence for each in self._statements(claim))
        root_cause = self._prose("root_cause", draft.root_cause)
        outcome, confidence = self._capped(draft, root_cause, statements)
        own = {name: self._own(f"extra.{name}", text) for name, text in draft.extra.items() if name in extra}
        return Checked(
            summary=self._prose("summary", draft.summary or draft.root_cause) or NOTHING_LEFT,
            root_cause=root_cause,
            outcome=outcome,
            confidence=confidence,
            hypotheses=tuple(found for item in draft.hypotheses if (found := self._hypothesis(item))),
            evidence=statements,
            remediation_steps=tuple(found for item in draft.remediation_steps if (found := self._step(item))),
            severity_assessment=self._prose("severity_assessment", draft.severity_assessment),
            affected=self._affected(draft.affected),
            dropped=tuple(dict.fromkeys(self._dropped)),
            extra=own,
        )

    def _capped(self, draft: Draft, root_cause: str, statements: Sequence[Statement]) -> tuple[Verdict, float]:
        """A cause is found only where claims were verified and some of it is left; what was refuted costs confidence.

        Where something changed, nobody is sure that it is no incident; where nobody knows what is usual, of no cause.
        """
        outcome = draft.outcome or (Verdict.FOUND if draft.root_cause else Verdict.INCONCLUSIVE)
        confidence = draft.confidence or 0.0
        good = sum(statement.verified for statement in statements)
        told = good or any(statement.reason == FOREIGN.reason for statement in statements)
        doubtful = self._evidence.unsure or any(dropped.field == "root_cause" for dropped in self._dropped)
        if outcome is Verdict.FOUND and (self._evidence.unsure or not (told and root_cause)):
            outcome = Verdict.INCONCLUSIVE
        if not good or doubtful or (outcome is Verdict.NOT_AN_INCIDENT and self._evidence.findings):
            confidence = min(confidence, MOST_UNVERIFIED_CONFIDENCE)
        elif good < len(statements):
            confidence = min(confidence, max(MOST_UNVERIFIED_CONFIDENCE, good / len(statements)))
        return outcome, confidence

    def _statements(self, claim: Statement) -> Iterator[Statement]:
        """Each sentence by itself: a good one carries no other, a false one spoils its whole claim.

        None that names a cause is verified.
        """
        found = [(each, self._judge.cited(each, [claim.id])) for each in sentences(claim.statement)]
        spoilt = any(judged.standing is Standing.FALSE for _, judged in found)
        for sentence, judged in found:
            good = judged.standing is Standing.VERIFIED
            reason = (WHY if says_why(sentence) else BESIDE if spoilt else "") if good else judged.reason
            yield claim.model_copy(update={"statement": sentence, "verified": not reason, "reason": reason})

    def _own(self, field: str, text: str) -> str:
        """A field of the user's own. Of an address there is nothing to measure: somebody has to have named it."""
        if not _ADDRESS.fullmatch(text.strip()):
            return self._prose(field, text)
        if _addresses(text) <= self._addresses:
            return text.strip()
        reason = "neither the alerts nor your own texts name this address"
        self._dropped.append(Dropped(field=field, sentence=text, reason=reason))
        return ""

    def _prose(self, field: str, text: str) -> str:
        """The sentences that may stay, each marked for what it is."""
        kept = [self._sentence(field, each) for each in sentences(text)]
        return " ".join(filter(None, kept))

    def _sentence(self, field: str, sentence: str) -> str:
        found = self._judge.prose(sentence)
        if found.standing is Standing.FALSE:
            self._dropped.append(Dropped(field=field, sentence=sentence, reason=found.reason))
            return ""
        if says_why(sentence) or field == "root_cause":
            return sentence if sentence.startswith(HYPOTHESIS.strip()) else f"{HYPOTHESIS}{sentence}"
        return f"{sentence}{_mark(found)}"

    def _hypothesis(self, item: Hypothesis) -> Hypothesis | None:
        """A hypothesis may say why; what it says of the evidence must still be so."""
        sides = {"supports": item.supports, "contradicts": item.contradicts}
        known = {side: tuple(id_ for id_ in ids if self._evidence.find(id_)) for side, ids in sides.items()}
        kept: list[str] = []
        for each in sentences(item.cause):
            found = self._judge.hypothetical(each, known["supports"])
            if found.standing is Standing.FALSE:
                self._dropped.append(Dropped(field="hypotheses", sentence=each, reason=found.reason))
            else:
                kept.append(self._marked(each, found))
        if not (cause := " ".join(kept)):
            return None
        return item.model_copy(update={**known, "cause": cause})

    def _step(self, step: Step) -> Step | None:
        if _rolls_back(step) and not any(item.kind == "change" for item in self._evidence.findings):
            said = step.action or step.command
            self._dropped.append(
                Dropped(field="remediation_steps", sentence=said, reason="there is no change to roll back")
            )
            return None
        if not (action := self._true("remediation_steps", step.action)):
            return None
        about = self._true("remediation_steps", step.description)
        risk = risk_of(step.command, step.action)
        return step.model_copy(update={"action": action, "description": about, "risk": risk})

    def _true(self, field: str, text: str) -> str:
        """The sentences that are not false; what is proposed or supposed need not be in the evidence yet."""
        kept: list[str] = []
        for each in sentences(text):
            found = self._judge.supposed(each)
            if found.standing is Standing.FALSE:
                self._dropped.append(Dropped(field=field, sentence=each, reason=found.reason))
            else:
                said = self._judge.prose(each)
                kept.append(f"{each}{_mark(said)}" if self._judge.asserts(each) else self._marked(each, said))
        return " ".join(kept)

    def _marked(self, sentence: str, found: Judgement) -> str:
        """Marked where it states figures that the evidence does not hold."""
        return f"{sentence}{_mark(found)}" if self._judge.states(sentence) else sentence

    def _affected(self, named: Sequence[str]) -> tuple[str, ...]:
        """Components that the evidence or the alerts know."""
        kept: list[str] = []
        for each in named:
            known = [each] if each.lower() in self._names else [word for word in _words(each) if word in self._names]
            kept += known
            if not known:
                self._dropped.append(Dropped(field="affected", sentence=each, reason="no evidence names it"))
        return tuple(dict.fromkeys(kept))


def _mark(found: Judgement) -> str:
    """What stands behind a sentence that is not wholly verified."""
    if found.standing is Standing.VERIFIED:
        return ""
    return f" {FIGURES_ONLY if found is FOREIGN else UNVERIFIED}"


def _addresses(text: str) -> frozenset[str]:
    """The addresses in it, without the marks of the sentence around them."""
    return frozenset(found.rstrip("/.,;:!?)]}'\"") for found in _ADDRESS.findall(text))


def _words(text: str) -> list[str]:
    return [word.strip(".,;:()") for word in text.lower().split()]


def _rolls_back(step: Step) -> bool:
    said = f"{step.action} {step.command}".lower()
    return any(word in said for word in _ROLLBACK)


def _names(evidence: EvidenceReport) -> Iterable[str]:
    yield from (text.partition(":")[0].strip() for text in evidence.healthy)
    for item in evidence.findings:
        yield item.entity
        yield from item.labels.values()
