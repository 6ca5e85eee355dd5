"""What an operator's own plugins add to the evidence: other times to compare, and findings from elsewhere."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from aiops_processor.clock import Clock
from aiops_processor.errors import PluginFault
from aiops_processor.evidence.asking import windows
from aiops_processor.evidence.asking.plan import Question
from aiops_processor.evidence.words.findings import numbered
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Evidence, EvidenceReport, Gap, Outcome, Read, Window
from aiops_processor.plugins import Finding, Guarded

LONGEST = timedelta(days=31)
MOST_ALERTS = 20
"""Of a storm so many alerts may say which times are to be compared."""
USUAL = "the usual times were compared"
MOST_FINDINGS = 20
"""So many of one source are kept, those with the highest score."""


class Gathers(Protocol):
    """The evidence engine; `window` in place of the usual one."""

    async def gather(
        self, alerts: Sequence[Alert], now: datetime | None = None, window: Window | None = None
    ) -> EvidenceReport: ...

    async def plan_only(self, alerts: Sequence[Alert], now: datetime | None = None) -> tuple[Question, ...]: ...


class _Told(NamedTuple):
    """What one source of the operator's told: what it found, the record of asking, and what is not known now."""

    findings: tuple[Evidence, ...]
    read: Read
    gaps: tuple[Gap, ...] = ()


class WithOwn:
    """Another engine with an operator's sources and windows. One that fails is a gap in the report, not an error."""

    def __init__(
        self,
        inner: Gathers,
        sources: Sequence[Guarded[Sequence[Finding]]],
        choose: Sequence[Guarded[Window | None]],
        baseline_minutes: float,
        clock: Clock,
    ) -> None:
        self._inner = inner
        self._sources = tuple(sources)
        self._choose = tuple(choose)
        self._baseline_minutes = baseline_minutes
        self._clock = clock

    async def gather(self, alerts: Sequence[Alert], now: datetime | None = None) -> EvidenceReport:
        """The evidence around these alerts; see `Gatherer.gather`. The sources are asked while it is gathered."""
        now = now or self._clock.now()
        chosen, gaps = await self._chosen(alerts, now)
        usual = windows.window_over([alert.starts_at for alert in alerts], now, self._baseline_minutes)
        async with asyncio.TaskGroup() as tasks:
            gathered = tasks.create_task(self._inner.gather(alerts, now, chosen))
            asked = [tasks.create_task(_ask(source, alerts, chosen or usual)) for source in self._sources]
        report, told = gathered.result(), [task.result() for task in asked]
        found = (finding for each in told for finding in each.findings)
        return report.model_copy(
            update={
                "findings": numbered(sorted((*report.findings, *found), key=lambda each: -each.score)),
                "gaps": (*report.gaps, *gaps, *(gap for each in told for gap in each.gaps)),
                "reads": (*report.reads, *(each.read for each in told)),
            }
        )

    async def plan_only(self, alerts: Sequence[Alert], now: datetime | None = None) -> tuple[Question, ...]:
        """What would be asked of Prometheus and Loki in the usual times; plugins are not asked."""
        return await self._inner.plan_only(alerts, now)

    async def _chosen(self, alerts: Sequence[Alert], now: datetime) -> tuple[Window | None, list[Gap]]:
        """All times together that plugins chose for the alerts, None where they chose none."""
        asked = await asyncio.gather(*(_times(choose, alerts[:MOST_ALERTS], now) for choose in self._choose))
        found = [window for windows, _ in asked for window in windows]
        return _joined(found) if found else None, list(dict.fromkeys(gap for _, gaps in asked for gap in gaps))


async def _times(
    choose: Guarded[Window | None], alerts: Sequence[Alert], now: datetime
) -> tuple[list[Window], list[Gap]]:
    """The times that one plugin chose, and why some are not compared."""
    try:
        chosen = [window for window in await choose.each([(alert, now) for alert in alerts]) if window is not None]
    except PluginFault as fault:
        return [], [_gap(choose, f"{fault}; {USUAL}")]
    reasons = [_nonsense(window, now) for window in chosen]
    usable = [window for window, reason in zip(chosen, reasons, strict=True) if not reason]
    return usable, [_gap(choose, f"{reason}; {USUAL}") for reason in reasons if reason]


def _joined(found: Sequence[Window]) -> Window:
    return Window(
        start=min(each.start for each in found),
        onset=min(each.onset for each in found),
        end=max(each.end for each in found),
    )


def _nonsense(window: Window, now: datetime) -> str | None:
    """Why these times cannot be compared, None where they can."""
    times = (window.start, window.onset, window.end)
    if any(each.tzinfo is None for each in times):
        return "its times have no time zone"
    if not window.start < window.onset <= window.end:
        return "its times are not in the order start, onset, end"
    if window.end - window.start > LONGEST or window.end > now + windows.SKEW:
        return f"its times are longer than {LONGEST.days} days, or end in the future"
    return None


async def _ask(source: Guarded[Sequence[Finding]], alerts: Sequence[Alert], window: Window) -> _Told:
    began = asyncio.get_running_loop().time()
    try:
        answer = await source(tuple(alerts), window)
    except PluginFault as fault:
        return _failed(source, str(fault), asyncio.get_running_loop().time() - began)
    seconds = asyncio.get_running_loop().time() - began
    if wrong := [each for each in answer if not isinstance(each, Finding)]:
        return _failed(source, f"answered with {type(wrong[0]).__name__} in its list, not Finding", seconds)
    best = sorted(answer, key=lambda each: -each.score)[:MOST_FINDINGS]
    read = Read(
        source=_called(source),
        title=f"source {source.name}",
        query="",
        outcome=Outcome.DATA if best else Outcome.EMPTY,
        seconds=seconds,
        series=len(best),
    )
    return _Told(tuple(_evidence(each, source) for each in best), read)


def _failed(source: Guarded[Sequence[Finding]], reason: str, seconds: float) -> _Told:
    title = f"source {source.name}"
    read = Read(source=_called(source), title=title, query="", outcome=Outcome.FAILED, seconds=seconds, error=reason)
    return _Told((), read, (_gap(source, reason),))


def _evidence(finding: Finding, source: Guarded[Sequence[Finding]]) -> Evidence:
    return Evidence(
        id="",
        kind=finding.kind,
        entity=finding.entity,
        title=finding.title or source.name.replace("_", " "),
        statement=finding.statement,
        query=finding.query,
        score=finding.score,
        link=finding.link,
        at=finding.at,
        source=_called(source),
    )


def _gap(plugin: Guarded[object], reason: str) -> Gap:
    return Gap(source=_called(plugin), reason=reason)


def _called(plugin: Guarded[object]) -> str:
    return f"plugin {plugin.name}"
