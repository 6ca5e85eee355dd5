"""The log queries of an operator's packs: how many lines before and after the onset, and real ones of them."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from aiops_processor.evidence.asking.packs import Pack, PackLogs
from aiops_processor.evidence.asking.read import Reader, Reading
from aiops_processor.evidence.asking.sources import Logs
from aiops_processor.evidence.asking.windows import step_for
from aiops_processor.evidence.rows.entities import entity_of
from aiops_processor.evidence.words.links import Links
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Evidence, LogCount, LogLine, Read, Window
from aiops_processor.models.samples import Series, Stream
from aiops_processor.query import logql

MOST_QUERIES = 8
SHOWN = 3
CHANGED = 2.0
"""So many times as many lines, or as few, are a finding; anything less is as usual."""
FEWEST_GONE = 10
"""Of so few lines that there were before it says nothing that none came since."""


class Counted(NamedTuple):
    """What log queries told: findings without ids, what was as usual, and the record of asking."""

    findings: tuple[Evidence, ...] = ()
    usual: tuple[str, ...] = ()
    reads: tuple[Read, ...] = ()


class _Asked(NamedTuple):
    query: PackLogs
    entity: str


async def count(
    loki: Logs, packs: Sequence[Pack], alerts: Sequence[Alert], window: Window, reader: Reader, links: Links
) -> Counted:
    """Ask the log queries of the packs that fit an alert, each once, at most eight."""
    asked: dict[str, _Asked] = {}
    for pack in packs:
        for alert in alerts:
            if pack.logs and pack.fits(alert.labels):
                for query in pack.logs:
                    asked.setdefault(query.expr, _Asked(query, entity_of(alert.labels)))
    told = await asyncio.gather(
        *(_count(loki, each, window, reader, links) for each in list(asked.values())[:MOST_QUERIES])
    )
    return Counted(
        findings=tuple(finding for each in told for finding in each.findings),
        usual=tuple(text for each in told for text in each.usual),
        reads=tuple(read for each in told for read in each.reads),
    )


async def _count(loki: Logs, asked: _Asked, window: Window, reader: Reader, links: Links) -> Counted:
    expr, title, step = asked.query.expr, asked.query.title, step_for(window, 1.0)
    counting = logql.count_over_time(expr, step)
    volume, lines = await asyncio.gather(
        reader.ask("loki", title, counting, lambda: loki.query_metric(counting, window.start, window.end, step)),
        reader.ask("loki", title, expr, lambda: loki.query_range(expr, window.onset, window.end, SHOWN)),
    )
    reads = (volume.read, lines.read)
    if volume.data is None:
        return Counted(reads=reads)
    counted = _counts(volume.data, window, step)
    finding = _finding(asked, counted, lines, window, links)
    if finding is None:
        return Counted(usual=(f"{title}: {counted.before} lines before, {counted.after} after",), reads=reads)
    return Counted(findings=(finding,), reads=reads)


def _counts(volume: Sequence[Series], window: Window, step: float) -> LogCount:
    """A count stands at the end of its time; the first one is of lines before the window."""
    start, onset = window.start.timestamp(), window.onset.timestamp()
    before = sum(value for each in volume for at, value in each.points if start < at <= onset)
    after = sum(value for each in volume for at, value in each.points if at > onset)
    return LogCount(
        before=int(before),
        after=int(after),
        before_seconds=(window.onset - window.start).total_seconds(),
        after_seconds=max((window.end - window.onset).total_seconds(), step),
    )


def _finding(
    asked: _Asked, count: LogCount, lines: Reading[list[Stream]], window: Window, links: Links
) -> Evidence | None:
    """How the number changed, None where it is as usual."""
    before, after = count.before / count.before_seconds, count.after / count.after_seconds
    grown = count.after > 0 and after >= CHANGED * before
    gone = count.before >= FEWEST_GONE and before >= CHANGED * after
    if not (grown or gone):
        return None
    shown = _shown(lines.data or [])
    example = f": {shown[0].line[:200]}" if shown else ""
    return Evidence(
        id="",
        kind="log",
        entity=asked.entity,
        title=asked.query.title,
        statement=(
            f"{asked.query.title}: {count.before} lines in {count.before_seconds:.0f} s before, "
            f"{count.after} in {count.after_seconds:.0f} s after{example}"
        ),
        query=asked.query.expr,
        score=round(1 - min(before, after) / max(before, after), 4),
        link=links.logql(asked.query.expr, window),
        logs=count,
        lines=shown,
    )


def _shown(streams: Sequence[Stream]) -> tuple[LogLine, ...]:
    entries = [(entry, stream.labels) for stream in streams for entry in stream.entries]
    newest = sorted(entries, key=lambda each: -each[0].ns)[:SHOWN]
    return tuple(
        LogLine(at=datetime.fromtimestamp(entry.at, UTC), labels=labels, line=entry.line) for entry, labels in newest
    )
