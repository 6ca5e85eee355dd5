"""From alerts to ranked evidence: plan, read everything at once, compare, rank, say."""

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from aiops_processor.clock import Clock
from aiops_processor.evidence.asking import discovery, logs, pack_logs, plan, read, scopes, windows
from aiops_processor.evidence.asking.discovery import Neighbourhood, discover
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.logs import LogsFound
from aiops_processor.evidence.asking.pack_logs import Counted
from aiops_processor.evidence.asking.packs import Pack
from aiops_processor.evidence.asking.plan import Plan, Question
from aiops_processor.evidence.asking.read import Reader, Reading
from aiops_processor.evidence.asking.sources import Changes, Logs, Metrics
from aiops_processor.evidence.compare import Answers, Comparison, compare
from aiops_processor.evidence.events import earlier, posted
from aiops_processor.evidence.events.earlier import Span
from aiops_processor.evidence.words import findings, opinion
from aiops_processor.evidence.words.links import Links
from aiops_processor.evidence.words.summary import UNSURE
from aiops_processor.models.alert import Alert
from aiops_processor.models.change import PostedChange
from aiops_processor.models.evidence import EvidenceReport, Gap, Outcome, Read, Window
from aiops_processor.models.samples import Series

NO_PROMETHEUS = Gap(source="prometheus", reason="not configured: set PROMETHEUS_URL")
EARLIER_SHARE = 0.2
"""The share of the deadline for the question that samples and logs wait for: a dead source must not hold them up."""
NO_LOKI = Gap(source="loki", reason="not configured: set LOKI_URL")


@dataclass(frozen=True)
class _Metrics:
    """What Prometheus gave: the plan's questions with their series, and the record of all reads."""

    neighbourhood: Neighbourhood | None = None
    answered: tuple[tuple[Question, list[Series]], ...] = ()
    reads: tuple[Read, ...] = ()
    gaps: tuple[Gap, ...] = field(default=(NO_PROMETHEUS,))


@dataclass(frozen=True)
class _Told:
    """What people and pipelines said that they changed."""

    changes: tuple[PostedChange, ...] = ()
    reads: tuple[Read, ...] = ()


class Gatherer:
    """Collects and ranks what changed around alerts. Keeps nothing between calls; safe to share.

    A source that is None is not configured: the report says so as a gap. `clock` gives the time where an alert's own
    cannot be believed. `calls` are (caller, callee) that people know of, beside those that metrics show. `changes` are
    the places, by name, where changes are told.
    """

    def __init__(
        self,
        prometheus: Metrics | None,
        loki: Logs | None,
        packs: Sequence[Pack],
        limits: Limits,
        clock: Clock,
        links: Links | None = None,
        calls: Collection[tuple[str, str]] = (),
        changes: Mapping[str, Changes] | None = None,
    ) -> None:
        self._prometheus = prometheus
        self._loki = loki
        self._packs = tuple(packs)
        self._limits = limits
        self._clock = clock
        self._links = links or Links()
        self._calls = tuple(calls)
        self._changes = dict(changes or {})

    async def gather(
        self, alerts: Sequence[Alert], now: datetime | None = None, window: Window | None = None
    ) -> EvidenceReport:
        """The evidence around these alerts as known at `now` (the clock's time if not given), in the usual window or
        in this one.

        A source that fails is a gap; nothing that a source does wrong is raised.
        """
        now = now or self._clock.now()
        # A reader each: a source that hangs must not hold the slots of the other.
        reader = self._reader()
        usual = window or self._window(alerts, now)
        async with asyncio.TaskGroup() as tasks:
            # Discovery does not wait for the earlier incidents: it asks what there is, not since when.
            found = tasks.create_task(self._discovered(alerts, usual, reader))
            window, excluded, asked = await self._without_earlier(alerts, usual, reader)
            metrics = tasks.create_task(self._metrics(alerts, window, found, reader))
            lines = tasks.create_task(self._logs(alerts, window, self._reader()))
            counted = tasks.create_task(self._pack_logs(alerts, window))
            told = tasks.create_task(self._told(window, self._reader()))
        read_all = replace(metrics.result(), reads=(*asked, *metrics.result().reads))
        report = await asyncio.to_thread(
            self._report, alerts, now, window, read_all, lines.result(), told.result(), excluded
        )
        report = _with_counted(report, counted.result())
        return await self._second_opinion(report, reader)

    async def plan_only(self, alerts: Sequence[Alert], now: datetime | None = None) -> tuple[Question, ...]:
        """What `gather` would ask for after discovery, without asking it: for `aiops analyze --dry-run`."""
        now = now or self._clock.now()
        window = self._window(alerts, now)
        asked: list[Question] = []
        if self._prometheus is not None:
            found = await discover(self._prometheus, alerts, window, self._reader(), self._limits)
            asked += self._plan(alerts, found, window).questions
        if self._loki is not None:
            asked += [
                Question("loki", "log", each.title, each.query, "lines")
                for each in await logs.plan_only(self._loki, alerts, window, self._reader(), self._limits)
            ]
        return tuple(asked)

    def _reader(self) -> Reader:
        limits = self._limits
        return Reader(limits.concurrency, limits.seconds, limits.questions, limits.octets)

    def _window(self, alerts: Sequence[Alert], now: datetime) -> Window:
        return windows.window_over([alert.starts_at for alert in alerts], now, self._limits.baseline_minutes)

    def _plan(self, alerts: Sequence[Alert], found: Neighbourhood, window: Window) -> Plan:
        return plan.plan(alerts, found.conditions, found.scopes, found.discovered, self._packs, window, self._limits)

    async def _discovered(self, alerts: Sequence[Alert], window: Window, reader: Reader) -> Neighbourhood | None:
        if self._prometheus is None:
            return None
        return await discover(self._prometheus, alerts, window, reader, self._limits)

    async def _metrics(
        self, alerts: Sequence[Alert], window: Window, discovered: Awaitable[Neighbourhood | None], reader: Reader
    ) -> _Metrics:
        found = await discovered
        if self._prometheus is None or found is None:
            return _Metrics()
        planned = self._plan(alerts, found, window)
        step = windows.step_for(window, found.discovered.interval)
        readings = await asyncio.gather(
            *(
                _ask(self._prometheus, each, window, windows.widened(step, window, each.share(self._limits)), reader)
                for each in planned.questions
            )
        )
        readings = [
            read.told_apart(reading, question.metrics, found.discovered.names)
            for question, reading in zip(planned.questions, readings, strict=True)
        ]
        answered = [(q, r.data) for q, r in zip(planned.questions, readings, strict=True) if r.data]
        reads = (*found.reads, *(reading.read for reading in readings))
        gaps = (*found.gaps, *planned.gaps)
        return _Metrics(found, tuple(answered), reads, gaps)

    async def _without_earlier(
        self, alerts: Sequence[Alert], window: Window, reader: Reader
    ) -> tuple[Window, tuple[Span, ...], tuple[Read, ...]]:
        """The window, with a baseline that is long enough without the times in which neighbours fired and ended."""
        prometheus, around = self._prometheus, scopes.scopes(alerts)
        if prometheus is None or not around:
            return window, (), ()
        query = f"ALERTS{around[0].selector}[{earlier.looked_at(window)}s]"
        reading = await reader.ask(
            "prometheus", "earlier alerts", query, lambda: prometheus.query(query, window.onset), EARLIER_SHARE
        )
        excluded = earlier.spans(reading.data or [], window.onset.timestamp())
        longer = earlier.lengthened(window, excluded)
        if not earlier.leaves_enough(longer, excluded):
            return window, (), (reading.read,)
        return longer, excluded, (reading.read,)

    async def _second_opinion(self, report: EvidenceReport, reader: Reader) -> EvidenceReport:
        """The report with what its findings were a day and a week before, where that is known."""
        prometheus, query = self._prometheus, opinion.question(report)
        if prometheus is None or not query:
            return report
        title = "the same time a day and a week before"
        reading = await reader.ask("prometheus", title, query, lambda: prometheus.query(query, report.window.end))
        reads, gaps = (
            (*report.reads, reading.read),
            (*report.gaps, *read.gaps_of([reading.read]), *read.partial([reading.read])),
        )
        return opinion.given(report, opinion.read(reading.data or [])).model_copy(update={"reads": reads, "gaps": gaps})

    async def _logs(self, alerts: Sequence[Alert], window: Window, reader: Reader) -> LogsFound:
        if self._loki is None:
            return LogsFound(gaps=(NO_LOKI,))
        return await logs.collect(self._loki, alerts, window, reader, self._limits)

    async def _pack_logs(self, alerts: Sequence[Alert], window: Window) -> Counted:
        if self._loki is None:
            return Counted()
        return await pack_logs.count(self._loki, self._packs, alerts, window, self._reader(), self._links)

    async def _told(self, window: Window, reader: Reader) -> _Told:
        readings = await asyncio.gather(
            *(_ask_changes(name, source, window, reader) for name, source in self._changes.items())
        )
        found = (change for reading in readings for change in reading.data or [])
        return _Told(tuple(found), tuple(reading.read for reading in readings))

    def _report(
        self,
        alerts: Sequence[Alert],
        now: datetime,
        window: Window,
        metrics: _Metrics,
        lines: LogsFound,
        told: _Told,
        excluded: Sequence[Span],
    ) -> EvidenceReport:
        """The arithmetic, in a thread: it takes tens of milliseconds that the event loop has better uses for."""
        changes = posted.near((*told.changes, *lines.events), alerts)
        answers = replace(
            _answers(metrics, lines, self._calls),
            posted=changes,
            namespaces=posted.namespaces(alerts),
            excluded=excluded,
        )
        compared = compare(answers, window, self._limits)
        reads = (*metrics.reads, *lines.reads, *told.reads)
        unknown = (*read.gaps_of(reads), *read.partial(each for each in reads if each.title != discovery.TYPES))
        return EvidenceReport(
            window=compared.window,
            findings=findings.findings(compared, self._limits, self._links),
            healthy=findings.healthy(compared),
            gaps=(*_doubts(alerts, now), *metrics.gaps, *lines.gaps, *unknown, *_nothing(metrics), *_unsure(compared)),
            reads=reads,
            confidence=None if compared.ranking.nothing else compared.ranking.confidence,
            order=findings.order(compared),
            unsure=compared.ranking.unsure,
        )


def _with_counted(report: EvidenceReport, counted: Counted) -> EvidenceReport:
    """The report with what an operator's log queries told."""
    if not counted.reads:
        return report
    found = sorted((*report.findings, *counted.findings), key=lambda each: -each.score)
    return report.model_copy(
        update={
            "findings": findings.numbered(found),
            "healthy": (*report.healthy, *counted.usual),
            "reads": (*report.reads, *counted.reads),
            "gaps": (*report.gaps, *read.gaps_of(counted.reads), *read.partial(counted.reads)),
        }
    )


async def _ask(
    prometheus: Metrics, question: Question, window: Window, step: float, reader: Reader
) -> Reading[list[Series]]:
    ask = (
        (lambda: prometheus.query(question.query, window.end))
        if question.form == "raw"
        else (lambda: prometheus.query_range(question.query, window.start, window.end, step))
    )
    return await reader.ask("prometheus", question.title, question.query, ask)


async def _ask_changes(name: str, source: Changes, window: Window, reader: Reader) -> Reading[list[PostedChange]]:
    query = f"changes between {window.start:%Y-%m-%d %H:%M:%S} and {window.end:%Y-%m-%d %H:%M:%S} UTC"
    return await reader.ask(name, "what was changed", query, lambda: source.between(window.start, window.end))


def _answers(metrics: _Metrics, lines: LogsFound, calls: Collection[tuple[str, str]]) -> Answers:
    found = metrics.neighbourhood
    raw = {
        tuple(sorted(series.labels.items())): series
        for question, data in metrics.answered
        if question.form == "raw" or question.summed == "gauges"
        for series in data
    }
    asked = [(question, data) for question, data in metrics.answered if question.form == "steps"]
    return Answers(
        raw=list(raw.values()),
        rates=[series for question, data in asked if question.summed == "rates" for series in data],
        steps=[(question, data) for question, data in asked if not question.summed],
        metadata=found.discovered.metadata if found else {},
        interval=found.discovered.interval if found else 1.0,
        logs=lines,
        calls=calls,
    )


def _doubts(alerts: Sequence[Alert], now: datetime) -> list[Gap]:
    """Start times that were not believed."""
    reasons = dict.fromkeys(windows.implausible(alert.starts_at, now) for alert in alerts)
    return [Gap(source="alert", reason=reason) for reason in reasons if reason]


def _nothing(metrics: _Metrics) -> list[Gap]:
    """Prometheus answered, and had nothing: that is no sign of health."""
    if metrics.neighbourhood is None or metrics.answered:
        return []
    if any(each.outcome is Outcome.FAILED for each in metrics.reads):
        return []
    return [Gap(source="prometheus", reason="no series carries a label of the alerts: nothing could be compared")]


def _unsure(compared: Comparison) -> list[Gap]:
    """Who has hardly seen what is usual can say what changed, but neither that it is unusual nor that it is not."""
    if not compared.ranking.unsure:
        return []
    return [Gap(source="baseline", reason=UNSURE)]
