"""What a report says and in which order, whatever it is written in: the first lines are what is needed at 3 am."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult, Step, Verdict
from aiops_processor.models.evidence import Evidence, EvidenceReport, Gap
from aiops_processor.models.incident import title_of
from aiops_processor.report.numbers import amount, change, clock_time, duration, moment

TOP_FINDINGS = 5
TOP_ALERTS = 5
TOP_REASONS = 3
MOST_CHARACTERS = 10_000

_NOT_A_PLACE = frozenset({"alertname", "severity"})
_FIRST_PLACES = ("service", "pod", "instance", "namespace", "job")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a section: words, and below them a query or a command (`code`) and a link, where there are any."""

    text: str
    code: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a report. A `loud` one says what is missing and must not be overlooked."""

    title: str
    lines: tuple[Line, ...]
    loud: bool = False


def sections(
    analysis: AnalysisResult, evidence: EvidenceReport | None, alerts: Sequence[Alert], url: str = ""
) -> tuple[Section, ...]:
    """The report's parts in reading order; a part with nothing to say is left out."""
    parts = (
        Section("Alerts", tuple(map(Line, firing(alerts, analysis.analyzed_at)))),
        Section("Changed most", tuple(Line(finding(item), item.query) for item in strongest(evidence))),
        Section("Conclusion", tuple(map(Line, conclusion(analysis)))),
        Section("Not looked at", tuple(map(Line, missing(_gaps(analysis, evidence)))), loud=True),
        Section("Do next", tuple(_step(number, step) for number, step in enumerate(steps(analysis), 1))),
        Section("Checked and healthy", tuple(Line(clean(text)) for text in _healthy(analysis, evidence))),
        Section("Other causes to consider", tuple(map(Line, hypotheses(analysis)))),
        Section("What the conclusion rests on", tuple(map(Line, claims(analysis)))),
        Section("Links", tuple(_links(evidence, url))),
    )
    return tuple(part for part in parts if part.lines)


def headline(analysis: AnalysisResult, alerts: Sequence[Alert]) -> str:
    """What fires and where, in one line."""
    return clean(title_of(alerts) if alerts else analysis.alert_name)


def standing(alerts: Sequence[Alert], at: datetime) -> str:
    """Whether it still fires, and since when."""
    if not alerts:
        return ""
    return f"{'Firing' if any(alert.firing for alert in alerts) else 'Resolved: fired'} {since(alerts, at)}"


def since(alerts: Sequence[Alert], at: datetime) -> str:
    """Since when these (at least one) fire: `since 2026-01-31 12:00:00 UTC (8 min)`; from when to when if all ended."""
    first = min(alert.starts_at for alert in alerts)
    ends = [alert.ends_at for alert in alerts if not alert.firing and alert.ends_at]
    if any(alert.firing for alert in alerts) or not ends:
        return f"since {moment(first)} ({duration((at - first).total_seconds())})"
    return f"from {moment(first)} to {moment(max(ends))} ({duration((max(ends) - first).total_seconds())})"


def firing(alerts: Sequence[Alert], at: datetime) -> list[str]:
    """Each alert with its severity, where, since when and its own summary; the first few and how many more."""
    lines = [_alert(alert, at) for alert in alerts[:TOP_ALERTS]]
    more = len(alerts) - TOP_ALERTS
    return [*lines, f"and {more} more"] if more > 0 else lines


def strongest(evidence: EvidenceReport | None) -> tuple[Evidence, ...]:
    """The findings that a person sees first."""
    return evidence.findings[:TOP_FINDINGS] if evidence else ()


def finding(item: Evidence) -> str:
    """One finding in numbers: `[M1] checkout · error rate: 0 → 12/s, from 12:03:10 UTC`."""
    where = "" if not item.entity or item.entity in item.title else f"{item.entity} · "
    return clean(f"[{item.id}] {where}{item.title}: {_numbers(item)}")


def verdict(analysis: AnalysisResult) -> str:
    """The outcome with its confidence and who says so."""
    said = {
        Verdict.FOUND: "Cause found",
        Verdict.INCONCLUSIVE: "Inconclusive",
        Verdict.NOT_AN_INCIDENT: "Not an incident",
    }[analysis.outcome]
    by = f"explained by {analysis.model}" if analysis.model else "ranked evidence, no model"
    return clean(f"{said}, confidence {round(analysis.confidence * 100)} % ({by})")


def conclusion(analysis: AnalysisResult) -> list[str]:
    """The verdict, the summary, the cause and what it means, each where it is said."""
    cause = "Root cause" if analysis.outcome is Verdict.FOUND else "Possible cause"
    said = [
        verdict(analysis),
        clean(analysis.summary),
        analysis.root_cause and f"{cause}: {clean(analysis.root_cause)}",
        analysis.severity_assessment and f"Severity: {clean(analysis.severity_assessment)}",
        f"Affected: {clean(', '.join(analysis.affected))}" if analysis.affected else "",
    ]
    return [line for line in said if line]


def missing(gaps: Sequence[Gap]) -> list[str]:
    """What could not be looked at: every source is named, with its first reasons and how many more there are."""
    reasons: dict[str, list[str]] = {}
    for gap in gaps:
        reasons.setdefault(gap.source, []).append(gap.reason)
    lines: list[str] = []
    for source, given in reasons.items():
        name = f"{source[:1].upper()}{source[1:]}"
        different = list(dict.fromkeys(given))
        lines += [clean(f"{name}: {reason}") for reason in different[:TOP_REASONS]]
        if len(different) > TOP_REASONS:
            lines.append(clean(f"{name}: {len(different) - TOP_REASONS} more"))
    return lines


def steps(analysis: AnalysisResult) -> list[Step]:
    """The remediation steps, most urgent first."""
    return sorted(analysis.remediation_steps, key=lambda step: step.priority)


def hypotheses(analysis: AnalysisResult) -> list[str]:
    """Each possible cause with the ids of what speaks for and against it."""
    lines: list[str] = []
    for item in analysis.hypotheses:
        sides = [
            f"{side} {', '.join(ids)}" for side, ids in (("for:", item.supports), ("against:", item.contradicts)) if ids
        ]
        lines.append(clean(f"{item.cause} ({'; '.join(sides) or 'no evidence cited'})"))
    return lines


def claims(analysis: AnalysisResult) -> list[str]:
    """Each cited statement, and whether code found its numbers in the evidence."""
    return [
        clean(f"[{claim.id or '–'}] {claim.statement}") + ("" if claim.verified else " — NOT VERIFIED")
        for claim in analysis.evidence
    ]


def clean(text: str) -> str:
    """One line without control, invisible and direction-changing characters: they would rewrite the reader's screen.

    Nobody reads 10,000 characters of one field; what is longer is cut.
    """
    whole = text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
    return "".join(filter(str.isprintable, " ".join(whole.split())))


def _gaps(analysis: AnalysisResult, evidence: EvidenceReport | None) -> list[Gap]:
    return list(dict.fromkeys((*analysis.gaps, *(evidence.gaps if evidence else ()))))


def _healthy(analysis: AnalysisResult, evidence: EvidenceReport | None) -> tuple[str, ...]:
    return analysis.checked_healthy or (evidence.healthy if evidence else ())


def _alert(alert: Alert, at: datetime) -> str:
    about = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    state = "" if alert.firing else "resolved, "
    line = f"{alert.name} ({alert.severity}) {state}{since([alert], at)}: {_place(alert)}"
    return clean(f"{line} — {about[:300]}" if about else line)


def _place(alert: Alert) -> str:
    names = [name for name in _FIRST_PLACES if name in alert.labels]
    names += sorted(name for name in alert.labels if name not in {*_FIRST_PLACES, *_NOT_A_PLACE})
    return ", ".join(f"{name}={alert.labels[name][:80]}" for name in names[:6]) or "no labels"


def _numbers(item: Evidence) -> str:
    if item.change:
        onset = f", from {clock_time(item.change.onset)}" if item.change.onset else ""
        return f"{change(item.change.before, item.change.after, item.change.unit)}{onset}"
    if item.logs:
        rates = [
            amount(count / seconds, "/s") if seconds else "?"
            for count, seconds in (
                (item.logs.before, item.logs.before_seconds),
                (item.logs.after, item.logs.after_seconds),
            )
        ]
        return f"{item.logs.before:,} → {item.logs.after:,} lines ({rates[0]} → {rates[1]})"
    return item.statement


def _step(number: int, step: Step) -> Line:
    about = f" — {step.description}" if step.description and step.description != step.action else ""
    return Line(clean(f"{number}. [{step.risk} risk] {step.action}{about}"), clean(step.command))


def _links(evidence: EvidenceReport | None, url: str) -> list[Line]:
    own = [Line("This incident", link=url)] if url else []
    return own + [Line(f"[{item.id}]", link=item.link) for item in strongest(evidence) if item.link]
