"""A model's PromQL: counted before it is asked, asked over the times that are compared, told as before and after."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import fmean, pstdev
from typing import Protocol

from aiops_processor.errors import QueryError
from aiops_processor.llm.tools.found import TITLE, Looked
from aiops_processor.llm.tools.limits import ToolLimits
from aiops_processor.llm.tools.offered import ListMetrics, QueryPrometheus
from aiops_processor.models.evidence import Change, Evidence, Outcome, Point, Read, Window
from aiops_processor.models.samples import Answer, Series
from aiops_processor.query import limited
from aiops_processor.report.numbers import amount, moment

SHORTEST_STEP = 15.0
NOISE_FLOOR = 0.01
"""Of the larger value: a series that never moved has no noise of its own to measure a change with."""
_ENTITY = ("service", "pod", "instance", "node", "job", "namespace")


class AsksPrometheus(Protocol):
    """A Prometheus. Raises SourceError."""

    async def query(self, expr: str, at: datetime) -> Answer[list[Series]]: ...

    async def query_range(self, expr: str, start: datetime, end: datetime, step: float) -> Answer[list[Series]]: ...

    async def label_values(
        self, label: str, matchers: Sequence[str] = (), start: datetime | None = None, end: datetime | None = None
    ) -> Answer[list[str]]: ...


async def query(source: AsksPrometheus, asked: QueryPrometheus, window: Window, limits: ToolLimits) -> Looked:
    """The series that moved most, each as a finding. Raises QueryError for what is too much, SourceError."""
    question = limited.promql(asked.query, limits.bounds)
    for selector in question.selectors:
        await _bounded(source, f"count(last_over_time({selector}[5m]))", window, limits.selected, selector)
    await _bounded(source, f"count({question.text})", window, limits.series, "the answer")
    start = window.start - timedelta(minutes=min(asked.minutes_before, limits.back_minutes))
    step = max(SHORTEST_STEP, math.ceil((window.end - start).total_seconds() / limits.points))
    answer = await source.query_range(question.text, start, window.end, step)
    series = [each for each in answer.data if any(math.isfinite(value) for _, value in each.points)]
    found = sorted((_finding(question.text, each, window) for each in series), key=lambda each: -each.score)
    read = Read(
        source="prometheus",
        title=TITLE,
        query=question.text,
        outcome=Outcome.DATA if series else Outcome.EMPTY,
        warnings=tuple(answer.warnings),
        series=len(series),
        points=sum(len(each.points) for each in series),
        octets=answer.octets,
    )
    note = "" if series else f"query_prometheus({question.text}): nothing in the times compared, which is no proof"
    return Looked(read=read, findings=tuple(found[: limits.told]), note=note)


async def names(source: AsksPrometheus, asked: ListMetrics, window: Window, limits: ToolLimits) -> Looked:
    """Metric names, in words. Raises QueryError, SourceError."""
    selector = limited.one_selector(asked.selector, limits.bounds)
    answer = await source.label_values("__name__", [selector], window.start, window.end)
    shown, rest = answer.data[: limits.names], len(answer.data) - limits.names
    read = Read(
        source="prometheus",
        title=TITLE,
        query=selector,
        outcome=Outcome.DATA if shown else Outcome.EMPTY,
        series=len(answer.data),
        octets=answer.octets,
    )
    more = f" and {rest} more" if rest > 0 else ""
    return Looked(read=read, note=f"list_metrics({selector}): {', '.join(shown) or 'none'}{more}")


async def _bounded(source: AsksPrometheus, count: str, window: Window, most: int, what: str) -> None:
    """Raises QueryError where there are more series: before they are read."""
    answer = (await source.query(count, window.end)).data
    found = answer[0].points[-1][1] if answer and answer[0].points else 0.0
    if found > most:
        raise QueryError(f"{what} has {found:.0f} series, {most} at most; narrow it by labels or aggregate")


def _finding(query: str, series: Series, window: Window) -> Evidence:
    onset, labels = window.onset.timestamp(), {k: v for k, v in series.labels.items() if k != "__name__"}
    points = [point for point in series.points if math.isfinite(point[1])]
    before = [value for at, value in points if at < onset]
    after = [value for at, value in points if at >= onset]
    entity = next((labels[name] for name in _ENTITY if labels.get(name)), "")
    change = _change(before, after) if before and after else None
    return Evidence(
        id="",
        kind="metric",
        entity=entity,
        title=series.labels.get("__name__") or query,
        statement=_words(change, before, after, points),
        query=query,
        score=change.score if change else 0.0,
        labels=labels,
        change=change,
        points=tuple(points),
        asked=True,
    )


def _change(before: Sequence[float], after: Sequence[float]) -> Change:
    one, other = _plain(fmean(before)), _plain(fmean(after))
    noise = max(pstdev(before), NOISE_FLOOR * max(abs(one), abs(other))) or 1.0
    return Change(before=one, after=other, score=_plain(abs(other - one) / noise))


def _words(change: Change | None, before: Sequence[float], after: Sequence[float], points: Sequence[Point]) -> str:
    """What the model is told, in the words that its claims are held against."""
    span = f"between {amount(min(v for _, v in points))} and {amount(max(v for _, v in points))}"
    if change:
        return f"{amount(change.before)} before, {amount(change.after)} after, on average; {span}"
    if after:
        return f"is {amount(fmean(after))} on average, no values before; {span}"
    return f"was {amount(fmean(before))} on average, no values after {_last(points)}; {span}"


def _last(points: Sequence[Point]) -> str:
    """The time of the last point."""
    return moment(datetime.fromtimestamp(points[-1][0], UTC))


def _plain(value: float) -> float:
    return float(f"{value:.6g}")
