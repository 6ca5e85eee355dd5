"""What the console's pages show, in the words and the order in which they show it. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult, Hypothesis, Statement, Step, Verdict
from aiops_processor.models.evidence import Evidence, EvidenceReport, Gap, Outcome, Read
from aiops_processor.models.incident import Incident, IncidentState, TimelineEntry
from aiops_processor.models.notification import DeliveryState
from aiops_processor.models.past import Past
from aiops_processor.report import words
from aiops_processor.report.charts import Chart, chart
from aiops_processor.report.numbers import amount, change, duration, moment
from aiops_processor.services.by_hand import may_be_analysed_again
from aiops_processor.web.api import IncidentDetail

Tone = Literal["bad", "warn", "good", "info", "quiet"]
"""How a word is coloured; the style sheet has a class for each."""

MOST_ALERTS = 20
"""A storm's page stays readable; the API has them all."""

_SEVERITIES: Mapping[str, Tone] = {
    "critical": "bad",
    "page": "bad",
    "error": "bad",
    "high": "bad",
    "warning": "warn",
    "warn": "warn",
    "medium": "warn",
    "info": "info",
    "low": "info",
}
_VERDICTS: Mapping[Verdict, Tone] = {
    Verdict.FOUND: "info",
    Verdict.INCONCLUSIVE: "warn",
    Verdict.NOT_AN_INCIDENT: "good",
}
_OUTCOMES: Mapping[Outcome, Tone] = {
    Outcome.DATA: "good",
    Outcome.EMPTY: "quiet",
    Outcome.ABSENT: "warn",
    Outcome.FAILED: "bad",
}
_DELIVERIES: Mapping[DeliveryState, Tone] = {
    DeliveryState.PENDING: "info",
    DeliveryState.SENT: "good",
    DeliveryState.FAILED: "bad",
    DeliveryState.UNKNOWN: "warn",
    DeliveryState.SKIPPED: "quiet",
    DeliveryState.HELD: "info",
}
_RISKS: Mapping[str, Tone] = {"low": "good", "medium": "warn", "high": "bad"}
_CITATIONS = re.compile(r"\s*\[[A-Z]\d{1,4}(?:, ?[A-Z]\d{1,4})*\]")
_ADDRESS = re.compile(r"https?://[a-z0-9.:\[\]-]+([/?#][^\s<>\"]*)?", re.IGNORECASE)  # no user@: it hides the host
_ABOUT = ("summary", "description")
_RUNBOOK = "runbook_url"


@dataclass(frozen=True, slots=True)
class Word:
    """A short word with its colour: a state, a severity, a risk."""

    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list. `verdict` is None and `about` says how far we are while there is no analysis."""

    incident: Incident
    severity: Word
    state: Word
    alerts: int
    lasted: str
    verdict: Word | None
    about: Word


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert: its labels and annotations without those that are said elsewhere on the page."""

    alert: Alert
    severity: Word
    state: Word
    since: str
    about: str
    labels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding. `title` is empty where the heading says it already."""

    item: Evidence
    heading: str
    title: str
    numbers: str
    chart: Chart | None


@dataclass(frozen=True, slots=True)
class ReadView:
    """One query that was asked."""

    read: Read
    outcome: Word
    seconds: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the analysis came to. `claims` are the statements that say more than the findings which they cite, `others`
    the causes beside the one that it names, `extra` a user's own fields.
    """

    analysis: AnalysisResult
    verdict: str
    tone: Tone
    percent: int
    summary: str
    cause: str
    claims: tuple[Statement, ...]
    unverified: int
    steps: tuple[tuple[Step, Word], ...]
    others: tuple[Hypothesis, ...]
    extra: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class IncidentView:
    """One incident's page.

    `standing` is whether it fires and since when. `notice` says what stands in the way of an answer, or that a newer
    one is on its way.
    """

    detail: IncidentDetail
    severity: Word
    standing: Word
    runbooks: tuple[str, ...]
    notice: Word | None
    answer: Answer | None
    gaps: tuple[str, ...]
    findings: tuple[FindingView, ...]
    healthy: tuple[str, ...]
    alerts: tuple[AlertView, ...]
    more_alerts: int
    timeline: tuple[TimelineEntry, ...]
    deliveries: tuple[Word, ...]
    reads: tuple[ReadView, ...]
    similar: tuple[Past, ...] = ()
    may_retry: bool = False

    @property
    def waiting(self) -> bool:
        """There will be an answer, and a reader waits for it."""
        return self.answer is None and (
            self.detail.incident.due_at is not None or self.detail.incident.state == IncidentState.ANALYSING
        )

    @property
    def found(self) -> bool:
        """There is something to read beside the alerts."""
        return self.answer is not None or self.detail.evidence is not None

    @property
    def known(self) -> frozenset[str]:
        """The ids that can be cited."""
        return frozenset(finding.item.id for finding in self.findings)


def row(incident: Incident, alerts: int, analysis: AnalysisResult | None, now: datetime) -> Row:
    """An incident as a line of the list."""
    return Row(
        incident=incident,
        severity=severity(incident.severity),
        state=_state(incident),
        alerts=alerts,
        lasted=duration(((incident.resolved_at or now) - incident.opened_at).total_seconds()),
        verdict=_short_verdict(analysis) if analysis else None,
        about=Word(_uncited(_summary(incident, analysis)), "quiet") if analysis else _stage(incident, ""),
    )


def page(detail: IncidentDetail, now: datetime) -> IncidentView:
    """An incident as its page shows it at this time."""
    incident, evidence, analysis = detail.incident, detail.evidence, detail.analysis
    alerts = [episode.alert for episode in detail.episodes]
    # What was asked for by hand stands still: Alertmanager never tells us that it is over.
    at = incident.opened_at if incident.manual else now
    return IncidentView(
        detail=detail,
        severity=severity(incident.severity),
        standing=_standing(incident, words.standing(alerts, at)),
        runbooks=_runbooks(alerts),
        notice=_notice(detail),
        answer=_answer(incident, analysis, evidence) if analysis else None,
        gaps=tuple(words.missing(_gaps(analysis, evidence))),
        findings=tuple(_finding(item, evidence) for item in evidence.findings) if evidence else (),
        healthy=(analysis.checked_healthy if analysis else ()) or (evidence.healthy if evidence else ()),
        alerts=tuple(_alert(alert, at) for alert in alerts[:MOST_ALERTS]),
        more_alerts=max(0, len(alerts) - MOST_ALERTS) + detail.more_episodes,
        timeline=_timeline(detail),
        deliveries=tuple(Word(delivery.state, _DELIVERIES[delivery.state]) for delivery in detail.deliveries),
        reads=tuple(map(_read, evidence.reads)) if evidence else (),
        similar=analysis.similar if analysis else (),
        may_retry=may_be_analysed_again(incident),
    )


def severity(name: str) -> Word:
    """A severity as the rule's author wrote it, coloured where we know it."""
    return Word(name, _SEVERITIES.get(name.lower(), "quiet"))


def address(url: str) -> str:
    """The URL where it may be a link, else "": http or https to a plain host, for `javascript:` and its like run."""
    plain = url.strip()
    return plain if plain == words.clean(plain) and _ADDRESS.fullmatch(plain) else ""


def host(url: str) -> str:
    """Where a link leads, for the reader to see before following it."""
    return re.split("[/?#]", address(url).partition("://")[2])[0]


def _state(incident: Incident) -> Word:
    if incident.manual:
        return Word("asked for", "info")
    return Word("resolved", "good") if incident.resolved_at else Word("firing", "bad")


def _standing(incident: Incident, standing: str) -> Word:
    state = _state(incident)
    if incident.manual:
        return Word(f"Asked for by hand. {standing}", state.tone)
    return Word(standing or state.text, state.tone)


def _notice(detail: IncidentDetail) -> Word | None:
    incident = detail.incident
    failure = _failure(detail)
    if detail.analysis is None:
        return _stage(incident, failure)
    if incident.state == IncidentState.ANALYSING:
        return Word("A newer analysis is under way; this is the one before it.", "info")
    if incident.state == IncidentState.FAILED:
        return Word(f"The newest analysis failed; this is the one before it. {failure}", "bad")
    if incident.incomplete_since:
        return Word(_incomplete(incident), "warn")
    return None


def _incomplete(incident: Incident) -> str:
    """That the report lacks its model, and what becomes of it."""
    said = "The model gave no usable answer; this is the ranked evidence alone."
    if incident.due_at:
        return f"{said} It is asked again at {moment(incident.due_at)}, and completes the report when it answers."
    return f"{said} It is not asked any more by itself; the analysis can be asked for once more."


def _failure(detail: IncidentDetail) -> str:
    """Why the last analysis failed. Messages that could not be told stand in the timeline under the same kind."""
    channels = tuple(f"{delivery.channel}: " for delivery in detail.deliveries)
    reasons = [entry.text for entry in detail.timeline if entry.kind == "failed"]
    return next((text for text in reversed(reasons) if not text.startswith(channels)), "")


def _stage(incident: Incident, failure: str) -> Word:
    """How far we are, while there is no analysis."""
    if incident.state == IncidentState.FAILED:
        return Word(f"The analysis failed{f': {failure}' if failure else ''}", "bad")
    if incident.state == IncidentState.ANALYSING:
        return Word("Being analysed: evidence is gathered, then explained.", "info")
    if incident.due_at:
        return Word(f"Waiting for more alerts of the same cause; analysed at {moment(incident.due_at)}.", "info")
    return Word("Not analysed.", "quiet")


def _short_verdict(analysis: AnalysisResult) -> Word:
    return Word(words.verdict(analysis).rpartition(" (")[0], _VERDICTS[analysis.outcome])


def _summary(incident: Incident, analysis: AnalysisResult) -> str:
    """The summary without the title, which stands above it."""
    rest = analysis.summary.removeprefix(f"{incident.title}: ")
    return rest[:1].upper() + rest[1:]


def _uncited(text: str) -> str:
    """In the list there is nothing that a citation could lead to."""
    return _CITATIONS.sub("", text)


def _answer(incident: Incident, analysis: AnalysisResult, evidence: EvidenceReport | None) -> Answer:
    claims = tuple(claim for claim in analysis.evidence if not _said_below(claim, evidence))
    return Answer(
        analysis=analysis,
        verdict=words.verdict(analysis),
        tone=_VERDICTS[analysis.outcome],
        percent=round(analysis.confidence * 100),
        summary=_summary(incident, analysis),
        cause="Root cause" if analysis.outcome is Verdict.FOUND and analysis.model else "Possible cause",
        claims=claims,
        unverified=sum(not claim.verified for claim in claims),
        steps=tuple((step, Word(f"{step.risk} risk", _RISKS[step.risk])) for step in words.steps(analysis)),
        others=words.other_causes(analysis),
        extra=tuple((name.replace("_", " "), str(value)) for name, value in analysis.extra.items() if value),
    )


def _said_below(claim: Statement, evidence: EvidenceReport | None) -> bool:
    """Without a model the statements are the findings' own, which follow anyway."""
    cited = evidence.find(claim.id) if evidence else None
    return claim.verified and cited is not None and cited.statement == claim.statement


def _gaps(analysis: AnalysisResult | None, evidence: EvidenceReport | None) -> list[Gap]:
    return list(dict.fromkeys((*(analysis.gaps if analysis else ()), *(evidence.gaps if evidence else ()))))


def _finding(item: Evidence, evidence: EvidenceReport) -> FindingView:
    """The heading is the statement; but a log's mostly goes on with the line itself, which is shown whole below."""
    repeats = item.statement.startswith(item.title)
    return FindingView(
        item=item,
        heading=item.title if repeats and item.lines else item.statement,
        title="" if repeats else item.title,
        numbers=_numbers(item),
        chart=chart(item.points, evidence.window, item.change.unit if item.change else ""),
    )


def _numbers(item: Evidence) -> str:
    if item.change:
        return f"{change(item.change.before, item.change.after, item.change.unit)}, {_noise(item.change.score)}"
    if item.logs:
        before, after = duration(item.logs.before_seconds), duration(item.logs.after_seconds)
        return f"{item.logs.before:,} in {before} → {item.logs.after:,} in {after}"
    return ""


def _noise(score: float) -> str:
    return f"{amount(score)} × its usual noise"


def _read(read: Read) -> ReadView:
    return ReadView(read, Word(read.outcome, _OUTCOMES[read.outcome]), amount(read.seconds, "s"))


def _runbooks(alerts: Sequence[Alert]) -> tuple[str, ...]:
    named = [alert.annotations.get(_RUNBOOK) for alert in alerts]
    return tuple(dict.fromkeys(filter(None, named)))


def _alert(alert: Alert, at: datetime) -> AlertView:
    about = next((name for name in _ABOUT if alert.annotations.get(name)), "")
    return AlertView(
        alert=alert,
        severity=severity(alert.severity),
        state=Word("firing", "bad") if alert.firing else Word("resolved", "good"),
        since=words.since([alert], at),
        about=alert.annotations.get(about, ""),
        labels=_pairs(alert.labels, {"alertname", "severity"}),
        annotations=_pairs(alert.annotations, {about, _RUNBOOK}),
    )


def _timeline(detail: IncidentDetail) -> tuple[TimelineEntry, ...]:
    """The incident's history, and between its lines the changes that the evidence has."""
    found = detail.evidence.findings if detail.evidence else ()
    changes = (
        TimelineEntry(at=each.at, kind="change", text=f"{each.statement} [{each.id}]") for each in found if each.at
    )
    return tuple(sorted((*detail.timeline, *changes), key=lambda entry: entry.at))


def _pairs(named: Mapping[str, str], said: set[str]) -> tuple[tuple[str, str], ...]:
    """Names and values, without those that are said elsewhere."""
    return tuple((name, value) for name, value in sorted(named.items()) if name not in said)
