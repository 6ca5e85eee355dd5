"""What a report says and in which order, whatever it is written in: the first lines are what is needed at 3 am."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult, Hypothesis, Statement, Step, Verdict
from aiops_processor.models.evidence import Evidence, EvidenceReport, Gap
from aiops_processor.models.incident import title_of
from aiops_processor.models.past import Past
from aiops_processor.report.numbers import amount, change, clock_time, duration, moment

TOP_FINDINGS = 5
TOP_ALERTS = 5
TOP_REASONS = 3
TOP_HEALTHY = 12
MOST_QUOTED = 300
MOST_CHARACTERS = 10_000
EVEN = 0.5
LINKS = "Links"
ASKED_FOR = "Asked for besides"

_NOT_A_PLACE = frozenset({"alertname", "severity"})
_FIRST_PLACES = ("service", "pod", "instance", "namespace", "job")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a section: words, and below them a command or a query to copy (`code`) and a link, if there are any.

    `shown` is for the eye alone: a query, a whole log line. Where lines are short it is cut.
    """

    text: str
    code: str = ""
    link: str = ""
    shown: str = ""


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
        Section("Conclusion", tuple(map(Line, conclusion(analysis)))),
        Section("Not looked at", tuple(map(Line, missing(_gaps(analysis, evidence)))), loud=True),
        Section("Changed most", tuple(Line(finding(item), shown=_shown(item)) for item in strongest(evidence))),
        Section("Do next", tuple(_step(number, step) for number, step in enumerate(steps(analysis), 1))),
        Section(ASKED_FOR, tuple(map(Line, asked_for(analysis)))),
        Section("Other causes to consider", tuple(map(Line, hypotheses(analysis)))),
        _grounds(analysis, evidence),
        Section("Seen before: to check, not evidence", tuple(map(Line, seen_before(analysis)))),
        Section("Said by the model and left out", tuple(map(Line, left_out(analysis)))),
        Section("Checked and healthy", tuple(map(Line, _healthy(analysis, evidence)))),
        Section(LINKS, tuple(_links(evidence, url))),
    )
    return tuple(part for part in parts if part.lines)


def seen_before(analysis: AnalysisResult) -> tuple[str, ...]:
    """Past incidents that were alike, with what people said of them last."""
    return tuple(map(_seen, analysis.similar[:TOP_REASONS]))


def _seen(past: Past) -> str:
    last = past.feedback[-1] if past.feedback else None
    said = f"; called {last.said}{f', the true cause: {last.cause}' if last.cause else ''}" if last else ""
    concluded = f"; {past.concluded}" if past.concluded else ""
    return clean(
        f"{past.score:.0%} incident {past.incident_id}, {moment(past.opened_at)}: {past.title}{said}{concluded}"
    )


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


def firing(alerts: Sequence[Alert], at: datetime, others: int = 0) -> list[str]:
    """Each alert with its severity, where, since when and its own summary; the first few and how many more.

    Labels that all of them share are said once, where the others still tell them apart. There are so many `others`
    beside these.
    """
    shared = {} if others else _shared(alerts)
    lines = [_alert(alert, at, shared) for alert in alerts[:TOP_ALERTS]]
    more = len(alerts) - len(lines) + others
    return [
        *lines,
        *([f"and {more} more"] if more > 0 else []),
        *([clean(f"all of them: {_place(shared)}")] if shared else []),
    ]


def strongest(evidence: EvidenceReport | None) -> tuple[Evidence, ...]:
    """The findings that a person sees first."""
    return evidence.findings[:TOP_FINDINGS] if evidence else ()


def finding(item: Evidence) -> str:
    """One finding in numbers: `[M1] checkout · error rate: 0 → 12/s, from 12:03:10 UTC`."""
    where = "" if not item.entity or item.entity in item.title else f"{item.entity} · "
    title = "" if _numbers(item).startswith(item.title) else f"{item.title}: "
    return clean(f"[{item.id}] {where}{title}{_numbers(item)}{_said(item)}")


def verdict(analysis: AnalysisResult) -> str:
    """The outcome with its confidence and who says so. A ranking alone knows where it began, and no cause."""
    said = {
        Verdict.FOUND: "Cause found",
        Verdict.INCONCLUSIVE: "Inconclusive",
        Verdict.NOT_AN_INCIDENT: "Not an incident",
    }[analysis.outcome]
    if analysis.outcome is Verdict.FOUND and not analysis.model and analysis.hypotheses:
        said = f"{'Likely' if analysis.confidence >= EVEN else 'Possibly'}: {analysis.hypotheses[0].cause}"
    by = f"explained by {analysis.model}" if analysis.model else "ranked evidence, no model"
    return clean(f"{said}, confidence {round(analysis.confidence * 100)} % ({by})")


def conclusion(analysis: AnalysisResult) -> list[str]:
    """The verdict, the summary, the cause and what it means, each where it is said."""
    cause = "Root cause: " if analysis.outcome is Verdict.FOUND else "Possible cause: "
    if analysis.root_cause.startswith(("Hypothesis", "Unknown")):
        cause = ""  # it says itself what it is
    said = [
        verdict(analysis),
        clean(analysis.summary),
        analysis.root_cause and f"{cause}{clean(analysis.root_cause)}",
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


def asked_for(analysis: AnalysisResult) -> list[str]:
    """The fields of a user's own that the model filled: `jira title: no connections are left`."""
    return [clean(f"{name.replace('_', ' ')}: {value}") for name, value in analysis.extra.items() if value]


def hypotheses(analysis: AnalysisResult) -> list[str]:
    """Each other cause with the ids of what speaks for and against it."""
    lines: list[str] = []
    for item in other_causes(analysis):
        sides = [
            f"{side} {', '.join(ids)}" for side, ids in (("for:", item.supports), ("against:", item.contradicts)) if ids
        ]
        lines.append(clean(f"{item.cause} ({'; '.join(sides) or 'no evidence cited'})"))
    return lines


def other_causes(analysis: AnalysisResult) -> tuple[Hypothesis, ...]:
    """Those beside the one that is named. Without a model the first hypothesis is the conclusion itself."""
    return analysis.hypotheses[0 if analysis.model else 1 :]


def claims(analysis: AnalysisResult) -> list[str]:
    """Each cited statement, and of one that is not verified why."""
    return [clean(f"[{claim.id or '–'}] {claim.statement}{_doubt(claim)}") for claim in analysis.evidence]


def _doubt(claim: Statement) -> str:
    if claim.verified:
        return ""
    return f" — NOT VERIFIED: {claim.reason}" if claim.reason else " — NOT VERIFIED"


def left_out(analysis: AnalysisResult) -> list[str]:
    """What the model said and the evidence contradicts: how often, and the first with its reason."""
    if not analysis.dropped:
        return []
    first, *others = analysis.dropped
    more = f"; and {len(others)} more" if others else ""
    return [clean(f"“{first.sentence}”: {first.reason}{more}")]


def clean(text: str) -> str:
    """One line without control, invisible and direction-changing characters: they would rewrite the reader's screen.

    Nobody reads 10,000 characters of one field; what is longer is cut.
    """
    whole = text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
    return "".join(filter(str.isprintable, " ".join(whole.split())))


def _gaps(analysis: AnalysisResult, evidence: EvidenceReport | None) -> list[Gap]:
    return list(dict.fromkeys((*analysis.gaps, *(evidence.gaps if evidence else ()))))


def _healthy(analysis: AnalysisResult, evidence: EvidenceReport | None) -> list[str]:
    """What was as usual, in one line: nobody acts on it, but it must be known that it was looked at."""
    found = analysis.checked_healthy or (evidence.healthy if evidence else ())
    more = f"; and {len(found) - TOP_HEALTHY} more" if len(found) > TOP_HEALTHY else ""
    return [clean("; ".join(found[:TOP_HEALTHY]) + more)] if found else []


def _grounds(analysis: AnalysisResult, evidence: EvidenceReport | None) -> Section:
    """A model's claims, each checked or not. Without a model they are our own measurements: those not shown above."""
    if analysis.model:
        return Section("What the conclusion rests on", tuple(map(Line, claims(analysis))))
    above = {item.id for item in strongest(evidence)}
    own = analysis.model_copy(update={"evidence": tuple(item for item in analysis.evidence if item.id not in above)})
    return Section("Also changed", tuple(map(Line, claims(own)[:TOP_FINDINGS])))


def _shown(item: Evidence) -> str:
    """Of a log finding the line as it was written, if its words are not all of it; of any other its query."""
    if not item.lines:
        return clean(item.query)
    return clean(item.lines[0].line) if item.lines[0].message else ""


def _said(item: Evidence) -> str:
    """What the first line of a log finding says, in quotes."""
    if not item.lines:
        return ""
    said = clean(item.lines[0].message or item.lines[0].line)
    return f": “{said if len(said) <= MOST_QUOTED else said[: MOST_QUOTED - 1] + '…'}”"


def _alert(alert: Alert, at: datetime, shared: Mapping[str, str]) -> str:
    about = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    own = {name: value for name, value in alert.labels.items() if name not in shared}
    line = f"{alert.name} ({alert.severity}) {_when(alert, at)}: {_place(own)}"
    return clean(f"{line} — {about[:300]}" if about else line)


def _when(alert: Alert, at: datetime) -> str:
    """From when to when it fired; of the last hours the time of day is enough."""
    end = at if alert.firing or alert.ends_at is None else alert.ends_at
    seconds = (end - alert.starts_at).total_seconds()
    state = "" if alert.firing else "resolved, "
    if not 0 <= (at - alert.starts_at).total_seconds() < 12 * 3600:
        return f"{state}{since([alert], at)}"
    began = clock_time(alert.starts_at.timestamp())
    ended = "" if alert.firing or alert.ends_at is None else f" to {clock_time(end.timestamp())}"
    return f"{state}{'from' if ended else 'since'} {began}{ended} ({duration(seconds)})"


def _shared(alerts: Sequence[Alert]) -> dict[str, str]:
    """The labels that all of several alerts have alike, if each has others beside them."""
    if len(alerts) < 2:
        return {}
    alike = set.intersection(*(set(alert.labels.items()) for alert in alerts))
    shared = {name: value for name, value in sorted(alike) if name not in _NOT_A_PLACE}
    told_apart = all(alert.labels.keys() - shared.keys() - _NOT_A_PLACE for alert in alerts)
    return shared if told_apart else {}


def _place(labels: Mapping[str, str]) -> str:
    names = [name for name in _FIRST_PLACES if name in labels]
    names += sorted(name for name in labels if name not in {*_FIRST_PLACES, *_NOT_A_PLACE})
    return ", ".join(f"{name}={labels[name][:80]}" for name in names[:6]) or "no labels"


def _numbers(item: Evidence) -> str:
    if item.change:
        onset = f", from {clock_time(item.change.onset)}" if item.change.onset else ""
        limit = item.statement.partition("; the rule fires ")[2] if item.kind == "rule" else ""
        fires = f"; fires {limit}" if limit else ""
        return f"{change(item.change.before, item.change.after, item.change.unit)}{onset}{fires}"
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
    found = strongest(evidence)
    shown = [Line(f"[{item.id}]", code=item.query, link=item.link) for item in found]
    explored = [Line(f"[{item.id}] in Grafana", link=item.explore) for item in found if item.explore]
    return [*own, *shown, *explored]
