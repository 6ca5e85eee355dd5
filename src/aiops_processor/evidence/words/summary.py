"""The report without a language model: the ranked evidence, in words. Pure.

It says what changed most and where, and calls that a hypothesis: a ranking knows what moved, not why.
"""

from collections.abc import Sequence
from datetime import datetime

from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult, Hypothesis, Statement, Verdict
from aiops_processor.models.evidence import Evidence, EvidenceReport, Outcome
from aiops_processor.models.incident import title_of

HIGHEST_CONFIDENCE = 0.95
"""Arithmetic alone never gets surer than this."""
BASE_CONFIDENCE = 0.3
GAP_PENALTY = 0.1
"""Each source that could not be looked at costs so much."""
SHOWN = 10
SHOWN_ORDER = 3
LONGEST_QUOTE = 160
UNSURE = "too little was seen of the time before to know what is usual"
"""The gap that a report has where it is `unsure`."""
_OF_LINES = ("{", "sum")
"""How questions about lines begin; those about labels begin otherwise."""
SEVERITIES = ("critical", "page", "error", "high", "warning", "warn", "medium", "info", "low", "none")


def without_model(alerts: Sequence[Alert], evidence: EvidenceReport, now: datetime) -> AnalysisResult:
    """What the evidence alone says about these alerts (at least one).

    `confidence` is the ranking's own, which is calibrated on labelled incidents, less 0.1 for each source with gaps.
    Statements are our own measurements, hence verified.
    """
    # A change that somebody told of says nothing by itself: without a score nothing moved that speaks for it.
    strongest = [each for each in evidence.findings if each.kind != "rule" and each.score > 0]
    verdict = _verdict(evidence, strongest)
    return AnalysisResult(
        alert_name=_alert_name(alerts),
        severity=_severity(alerts),
        summary=_summary(alerts, evidence, strongest),
        root_cause=_root_cause(evidence, strongest),
        outcome=verdict,
        confidence=_confidence(evidence, verdict),
        hypotheses=_hypotheses(strongest),
        evidence=tuple(
            Statement(id=each.id, statement=each.statement, verified=True) for each in evidence.findings[:SHOWN]
        ),
        severity_assessment=_assessment(alerts, evidence, strongest),
        affected=tuple(dict.fromkeys(each.entity for each in evidence.findings if each.entity)),
        checked_healthy=evidence.healthy,
        gaps=evidence.gaps,
        analyzed_at=now,
    )


def _verdict(evidence: EvidenceReport, strongest: Sequence[Evidence]) -> Verdict:
    if strongest and not evidence.unsure:
        return Verdict.FOUND
    # A rule that still says its value, a source or a baseline that was not seen, leaves the question open.
    return Verdict.INCONCLUSIVE if evidence.findings or evidence.gaps else Verdict.NOT_AN_INCIDENT


def _alert_name(alerts: Sequence[Alert]) -> str:
    names = [alert.name for alert in alerts]
    return max(dict.fromkeys(names), key=names.count)


def _severity(alerts: Sequence[Alert]) -> str:
    """The worst that the alerts say; words that nobody ranks come after those that somebody does."""
    known = {name: place for place, name in enumerate(SEVERITIES)}
    return min((alert.severity for alert in alerts), key=lambda each: known.get(each.lower(), len(known)))


def _summary(alerts: Sequence[Alert], evidence: EvidenceReport, strongest: Sequence[Evidence]) -> str:
    unseen = [*_unseen(evidence), *([UNSURE] if evidence.unsure else [])]
    but = f" But {' and '.join(unseen)}." if unseen else ""
    if not strongest:
        title = title_of(list(alerts))
        if _blind(evidence):
            return f"{title}: nothing could be looked at, so nothing is known of the cause."
        seen = "with gaps in what was looked at" if evidence.gaps else "in everything that was looked at"
        return f"{title}: nothing unusual {seen}.{but}{_most_changed(evidence)}"
    entities = list(dict.fromkeys(map(_about, strongest)))
    others = f", then {', '.join(entities[1:4])}" if len(entities) > 1 else ""
    since = f"{evidence.window.onset:%H:%M:%S} UTC"
    return f"Since {since} {entities[0]} changed most{others}.{but}"


def _unseen(evidence: EvidenceReport) -> list[str]:
    """Which of the two was asked for and not seen at all, though the other may have told much."""
    kinds = {each.kind for each in evidence.findings}
    failed = {each.source.partition("/")[0] for each in evidence.reads if each.outcome is Outcome.FAILED}
    lines = [each for each in evidence.reads if each.source.startswith("loki") and each.query.startswith(_OF_LINES)]
    found: list[str] = []
    if "prometheus" in failed and not evidence.healthy and "metric" not in kinds:
        found.append(f"no metric{' but the rule' if 'rule' in kinds else ''} could be compared")
    if "loki" in failed and "log" not in kinds and all(each.outcome is Outcome.FAILED for each in lines):
        found.append("no log line could be read")
    return found


def _blind(evidence: EvidenceReport) -> bool:
    """Whether nobody answered: then not even "nothing unusual" is known."""
    if evidence.findings or evidence.healthy or not evidence.gaps:
        return False
    configured = {each.source.partition("/")[0] for each in evidence.reads} & {"prometheus", "loki"}
    return len(_unseen(evidence)) == len(configured)


def _most_changed(evidence: EvidenceReport) -> str:
    """Whom to look at first although chance does as much: no cause is named, an order is still of help."""
    if not evidence.order:
        return ""
    first = evidence.order[0]
    names = ", ".join(each.entity for each in evidence.order[:SHOWN_ORDER])
    return f" Most changed: {names}; in {first.share:.0%} of quiet times somebody changes as much."


def _root_cause(evidence: EvidenceReport, strongest: Sequence[Evidence]) -> str:
    if _blind(evidence):
        return "Unknown: nothing that could tell was read."
    if not strongest:
        return "Unknown: no change stands out from what is usual."
    entity = _about(strongest[0])
    said: dict[str, Evidence] = {}
    for each in strongest:
        if _about(each) == entity:
            said.setdefault(each.kind, each)
    told = "; ".join(f"{_told(each)} [{each.id}]" for each in said.values())
    return f"Hypothesis, from the ranking alone: strongest change at {entity}: {told}"


def _about(each: Evidence) -> str:
    """What a finding is about: a sum over everything, as of a business metric, has no entity, and names itself."""
    return each.entity or each.title


def _told(each: Evidence) -> str:
    """A log finding by what its line says, any other by its own sentence."""
    if each.logs is None or not each.lines:
        return each.statement
    said = " ".join((each.lines[0].message or each.lines[0].line).split())
    quoted = said if len(said) <= LONGEST_QUOTE else f"{said[: LONGEST_QUOTE - 1]}…"
    return f"{each.title} ({each.logs.after} in {each.logs.after_seconds:.0f} s): “{quoted}”"


def _hypotheses(strongest: Sequence[Evidence]) -> tuple[Hypothesis, ...]:
    entities = list(dict.fromkeys(map(_about, strongest)))[:3]
    return tuple(
        Hypothesis(
            cause=f"it began in {entity}",
            supports=tuple(each.id for each in strongest if _about(each) == entity),
        )
        for entity in entities
    )


def _confidence(evidence: EvidenceReport, verdict: Verdict) -> float:
    if _blind(evidence):
        return 0.0
    if verdict is not Verdict.FOUND:
        return BASE_CONFIDENCE if verdict is Verdict.INCONCLUSIVE else 0.5
    known = BASE_CONFIDENCE if evidence.confidence is None else evidence.confidence
    sources = {gap.source for gap in evidence.gaps}
    return round(max(0.05, min(HIGHEST_CONFIDENCE, known) - GAP_PENALTY * len(sources)), 2)


def _assessment(alerts: Sequence[Alert], evidence: EvidenceReport, strongest: Sequence[Evidence]) -> str:
    firing = sum(alert.firing for alert in alerts)
    entities = len({_about(each) for each in strongest})
    fires = f"{_firing(firing, len(alerts))}{_severity(alerts)}"
    if _blind(evidence):
        return fires
    return f"{fires}; unusual changes in {entities} {'entity' if entities == 1 else 'entities'}"


def _firing(firing: int, alerts: int) -> str:
    """As one says it; the worst severity follows."""
    if alerts == 1:
        return f"the alert {'fires' if firing else 'has ended, it fired'} with severity "
    if not firing:
        return f"none of {alerts} alerts fires any more, the worst had severity "
    some = f"all {alerts}" if firing == alerts else f"{firing} of {alerts}"
    return f"{some} alerts fire, the worst with severity "
