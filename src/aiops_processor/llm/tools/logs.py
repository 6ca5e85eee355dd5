"""A model's LogQL: a selector and line filters, counted before and after, with the newest lines."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, Protocol

from aiops_processor.llm.tools.found import TITLE, Looked
from aiops_processor.llm.tools.limits import ToolLimits
from aiops_processor.llm.tools.offered import QueryLoki
from aiops_processor.models.evidence import Evidence, LogCount, LogLine, Outcome, Read, Window
from aiops_processor.models.samples import Answer, Series, Stream
from aiops_processor.query import limited, logql

SHOWN = 3
_ENTITY = ("service_name", "service", "app", "pod", "container", "job", "namespace")


class AsksLoki(Protocol):
    """A Loki. Raises SourceError."""

    async def query(self, logql: str, at: datetime) -> Answer[list[Series]]: ...

    async def query_range(
        self,
        logql: str,
        start: datetime,
        end: datetime,
        limit: int = 1000,
        direction: Literal["backward", "forward"] = "backward",
    ) -> Answer[list[Stream]]: ...


async def query(source: AsksLoki, asked: QueryLoki, window: Window, limits: ToolLimits) -> Looked:
    """One finding: how many lines there were before and after, and the newest. Raises QueryError, SourceError."""
    question = limited.logql(asked.query, limits.bounds).text
    before = await _count(source, question, window.start, window.onset)
    after = await _count(source, question, window.onset, window.end)
    answer = await source.query_range(question, window.start, window.end, limits.lines)
    lines = _newest(answer.data)
    read = Read(
        source="loki",
        title=TITLE,
        query=question,
        outcome=Outcome.DATA if lines or before or after else Outcome.EMPTY,
        warnings=tuple(answer.warnings),
        series=len(answer.data),
        points=len(lines),
        octets=answer.octets,
    )
    if read.outcome is Outcome.EMPTY:
        return Looked(read=read, note=f"query_loki({question}): no line in the times compared")
    return Looked(read=read, findings=(_finding(question, before, after, lines, window),))


async def _count(source: AsksLoki, question: str, start: datetime, end: datetime) -> int:
    seconds = (end - start).total_seconds()
    if seconds <= 0:
        return 0
    answer = await source.query(logql.count_over_time(question, seconds), end)
    return round(sum(series.points[-1][1] for series in answer.data if series.points))


def _newest(streams: Sequence[Stream]) -> list[LogLine]:
    lines = [
        LogLine(at=datetime.fromtimestamp(each.at, UTC), labels=stream.labels, line=each.line, metadata=each.metadata)
        for stream in streams
        for each in stream.entries
    ]
    return sorted(lines, key=lambda line: line.at, reverse=True)


def _finding(question: str, before: int, after: int, lines: Sequence[LogLine], window: Window) -> Evidence:
    spans = (window.onset - window.start).total_seconds(), (window.end - window.onset).total_seconds()
    labels = lines[0].labels if lines else {}
    return Evidence(
        id="",
        kind="log",
        entity=next((labels[name] for name in _ENTITY if labels.get(name)), ""),
        title="log lines",
        statement=f"{before} lines before, {after} after",
        query=question,
        score=float(abs(after - before)),
        labels=labels,
        logs=LogCount(before=before, after=after, before_seconds=spans[0], after_seconds=spans[1]),
        lines=tuple(lines[:SHOWN]),
        asked=True,
    )
