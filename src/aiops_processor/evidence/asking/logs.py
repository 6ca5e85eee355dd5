"""Log lines around the alerts: which streams are theirs, what was said, how much of it was seen.

Loki's labels differ from shop to shop, so they are discovered: a stream is theirs when any of its labels has the
value that one of the alerts' identity labels has, whatever either is called.
"""

import asyncio
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from aiops_processor.evidence import templates
from aiops_processor.evidence.asking import read
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.read import Reader, Reading
from aiops_processor.evidence.asking.scopes import MOST_VALUES
from aiops_processor.evidence.asking.sources import Logs
from aiops_processor.evidence.asking.windows import step_for
from aiops_processor.evidence.events import kubernetes
from aiops_processor.evidence.mining.levels import level_of
from aiops_processor.evidence.rows.entities import ENTITY_LABELS, NAMESPACES, entity_of
from aiops_processor.evidence.templates import Line
from aiops_processor.models.alert import Alert
from aiops_processor.models.change import PostedChange
from aiops_processor.models.evidence import Gap, Outcome, Read, Window
from aiops_processor.models.samples import Series, Stream
from aiops_processor.query import logql

SHARE = 0.5
MOST_LABELS = 30
BEFORE_ONSET = 0.1
"""The incident's lines are read from so long (a share of the baseline) before `startsAt`, for alerts are late."""
TROUBLE = (
    "error", "warn", "fatal", "panic", "critical", "exception", "fail", "timeout", "timed out", "refused", "denied",
    "killed", "oom", "traceback", "unavailable", "back-off",
)  # fmt: skip
"""Words of lines that are read apart from the others, so that a chatty service does not crowd them out."""
LEVELS = ("level", "detected_level", "severity")
TROUBLE_LEVELS = ("fatal", "error", "warn")
MOST_PIECES = 4
"""A slice of time in which more was written than one answer holds is read in so many pieces."""


@dataclass(frozen=True)
class LogQuestion:
    """One question for Loki: lines of a slice of time, the newest `share` of all that one question may give.

    `piece_of` is the start of the slice that this is only a piece of.
    """

    title: str
    query: str
    start: datetime
    end: datetime
    selector: str
    trouble: bool = False
    share: float = 1.0
    piece_of: datetime | None = None

    def limit(self, limits: Limits) -> int:
        return max(1, int(limits.log_lines * self.share))


@dataclass(frozen=True)
class Sample:
    """Lines of one question, and from when to when (seconds) it saw every one of them."""

    query: str
    trouble: bool
    lines: tuple[Line, ...]
    since: float
    until: float


@dataclass(frozen=True)
class LogsFound:
    """What Loki had. `volume` counts lines per level, `step` seconds each; `events` are Kubernetes' own."""

    samples: tuple[Sample, ...] = ()
    volume: tuple[Series, ...] = ()
    step: float = 0.0
    events: tuple[PostedChange, ...] = ()
    reads: tuple[Read, ...] = ()
    gaps: tuple[Gap, ...] = ()


async def collect(loki: Logs, alerts: Sequence[Alert], window: Window, reader: Reader, limits: Limits) -> LogsFound:
    """The lines around these alerts: volume by level, then lines of trouble and others, before and after."""
    streams, reads = await _streams(loki, alerts, window, reader)
    selectors, gaps = select(alerts, streams, limits)
    writer = kubernetes.selector(streams)
    if not selectors and all(each.outcome is not Outcome.FAILED for each in reads):
        gaps.append(_unknown(alerts))
    step = step_for(window, 1.0)
    volumes = [volume_of(selector, streams, step) for selector in selectors]
    counts = await asyncio.gather(*(_volume(loki, query, window, step, reader) for query in volumes))
    asked = [
        piece
        for selector, count in zip(selectors, counts, strict=True)
        for question in questions(selector, window)
        for piece in spread(question, count.data or [], step, limits)
    ]
    lines, events = await asyncio.gather(
        asyncio.gather(*(_lines(loki, question, reader, limits) for question in asked)),
        asyncio.gather(*(_lines(loki, _events(writer, alerts, window), reader, limits) for _ in range(bool(writer)))),
    )
    samples = _samples([(question, reading.data) for question, reading in lines if reading.data is not None], limits)
    return LogsFound(
        samples=tuple(samples),
        volume=tuple(series for reading in counts for series in reading.data or []),
        step=step,
        events=tuple(change for asked, got in events for change in kubernetes.changes(got.data or [], asked.query)),
        reads=(*reads, *(reading.read for _, reading in (*lines, *events)), *(reading.read for reading in counts)),
        gaps=tuple(gaps),
    )


async def plan_only(
    loki: Logs, alerts: Sequence[Alert], window: Window, reader: Reader, limits: Limits
) -> list[LogQuestion]:
    """What `collect` would ask for after discovery."""
    streams, _ = await _streams(loki, alerts, window, reader)
    selectors, _ = select(alerts, streams, limits)
    return [question for selector in selectors for question in questions(selector, window)]


def wanted(alerts: Sequence[Alert]) -> tuple[list[str], list[str]]:
    """The values that streams are found by: namespaces, and entities (by label and as we name them).

    Of a storm's only the first, as many as are looked for in Prometheus: the others are read with their namespace.
    """
    spaces = dict.fromkeys(a.labels[name] for a in alerts for name in NAMESPACES if a.labels.get(name))
    own = dict.fromkeys(a.labels[name] for a in alerts for name in ENTITY_LABELS if a.labels.get(name))
    own |= dict.fromkeys(entity for alert in alerts if (entity := entity_of(alert.labels)))
    return list(spaces)[:MOST_VALUES], list(own)[:MOST_VALUES]


def select(alerts: Sequence[Alert], streams: Sequence[dict[str, str]], limits: Limits) -> tuple[list[str], list[Gap]]:
    """Selectors of the streams to read: the namespaces' where they are not too many, and the entities' own."""
    spaces, own = wanted(alerts)
    wide = _label_with(streams, spaces, NAMESPACES)
    inside = [each for each in streams if wide and each.get(wide) in spaces]
    selectors: list[str] = []
    gaps: list[Gap] = []
    if wide and len(inside) <= limits.streams:
        selectors.append("{" + f"{wide}=~{logql.quote(_alternatives(spaces))}" + "}")
    elif wide:
        reason = f"{len(inside)} streams with {wide} of the alerts were not read, the limit is {limits.streams}"
        gaps.append(Gap(source="loki", reason=reason))
        wide = None
    outside = [each for each in streams if not (wide and each.get(wide) in spaces)]
    narrow = _label_with(outside, own, ENTITY_LABELS)
    if narrow:
        apart = f",{wide}!~{logql.quote(_alternatives(spaces))}" if wide else ""
        selectors.append("{" + f"{narrow}=~{logql.quote(_alternatives(own))}{apart}" + "}")
    return selectors, gaps


def questions(selector: str, window: Window) -> list[LogQuestion]:
    """Lines of trouble and all lines, before and around the incident."""
    middle = window.onset - (window.onset - window.start) * BEFORE_ONSET
    asked = []
    for trouble, query in ((True, f"{selector} {logql.contains_any(TROUBLE)}"), (False, selector)):
        what = "lines of trouble" if trouble else "lines"
        asked.append(LogQuestion(f"{what} before", query, window.start, middle, selector, trouble))
        asked.append(LogQuestion(f"{what} around the incident", query, middle, window.end, selector, trouble))
    return asked


def spread(question: LogQuestion, volume: Sequence[Series], step: float, limits: Limits) -> list[LogQuestion]:
    """The question, or where more was written than one answer holds, the same of several pieces of its time.

    An answer is cut at its oldest line: of a chatty service it would show the last seconds alone, and not the onset.
    """
    expected = _expected(question, volume, step)
    pieces = min(MOST_PIECES, math.ceil(expected / limits.log_lines))
    if pieces <= 1:
        return [question]
    width = (question.end - question.start) / pieces
    starts = [question.start + width * piece for piece in range(pieces)]
    ends = [*starts[1:], question.end]
    return [
        replace(question, start=start, end=end, share=1 / pieces, piece_of=question.start)
        for start, end in zip(starts, ends, strict=True)
    ]


def _expected(question: LogQuestion, volume: Sequence[Series], step: float) -> float:
    """About how many lines the question has; lines of trouble where levels are known are those of bad levels."""
    levels = [_level(each) for each in volume]
    first, last = question.start.timestamp(), question.end.timestamp() + step
    return sum(
        value
        for each, level in zip(volume, levels, strict=True)
        if not question.trouble or not any(levels) or level in TROUBLE_LEVELS
        for at, value in each.points
        if first < at <= last  # a count belongs to the time before its stamp
    )


def _level(series: Series) -> str:
    """How bad the lines that were counted are, "" where that is not said."""
    return next((level_of(series.labels[key]) for key in LEVELS if series.labels.get(key)), "")


def _events(writer: str, alerts: Sequence[Alert], window: Window) -> LogQuestion:
    """Kubernetes' events about the alerts' namespaces and entities."""
    values = [value for group in wanted(alerts) for value in group]
    return LogQuestion(
        "events of Kubernetes", f"{writer} {logql.contains_any(values)}", window.start, window.end, writer
    )


def volume_of(selector: str, streams: Sequence[dict[str, str]], step: float) -> str:
    """Lines per level and entity in each step."""
    known = {name for each in streams for name in each}
    by = [name for name in (*ENTITY_LABELS, *LEVELS) if name in known or name in LEVELS]
    return logql.count_over_time(selector, step, by)


def is_trouble(line: str) -> bool:
    """Whether the questions for lines of trouble would have had this one."""
    text = line.lower()
    return any(word in text for word in TROUBLE)


async def _streams(
    loki: Logs, alerts: Sequence[Alert], window: Window, reader: Reader
) -> tuple[list[dict[str, str]], list[Read]]:
    values = [value for group in wanted(alerts) for value in group]
    if not values:
        return [], []
    names = await reader.ask("loki", "label names", "/labels", lambda: loki.labels(window.start, window.end), SHARE)
    usable = [name for name in names.data or [] if not name.startswith("__")][:MOST_LABELS]
    if not usable:
        return [], [names.read]
    asked = ["{" + f"{name}=~{logql.quote(_alternatives(values))}" + "}" for name in usable]
    asked += kubernetes.writers(usable)
    found = await reader.ask(
        "loki", "streams of the alerts", " ".join(asked), lambda: loki.series(asked, window.start, window.end), SHARE
    )
    return found.data or [], [names.read, read.told_apart(found, ("streams of the alerts",), ()).read]


def _unknown(alerts: Sequence[Alert]) -> Gap:
    spaces, own = wanted(alerts)
    values = ", ".join([*spaces, *own])
    if not values:
        return Gap(source="loki", reason="the alerts have no label that says where: which streams are theirs?")
    return Gap(source="loki", reason=f"no stream has a label with a value of the alerts ({values})")


def _label_with(streams: Sequence[dict[str, str]], values: Sequence[str], preferred: Sequence[str]) -> str | None:
    """The label under which most of the values are found; of equal ones the better known."""
    found: dict[str, set[str]] = {}
    for labels in streams:
        for name, value in labels.items():
            if value in values:
                found.setdefault(name, set()).add(value)
    if not found:
        return None
    order = {name: place for place, name in enumerate(preferred)}
    return min(found, key=lambda name: (-len(found[name]), order.get(name, len(order)), name))


def _alternatives(values: Sequence[str]) -> str:
    return "|".join(logql.re2_escape(value) for value in values)


async def _lines(
    loki: Logs, question: LogQuestion, reader: Reader, limits: Limits
) -> tuple[LogQuestion, Reading[list[Stream]]]:
    return question, await reader.ask(
        "loki",
        question.title,
        question.query,
        lambda: loki.query_range(question.query, question.start, question.end, question.limit(limits), "backward"),
    )


async def _volume(loki: Logs, query: str, window: Window, step: float, reader: Reader) -> Reading[list[Series]]:
    return await reader.ask(
        "loki", "lines per level", query, lambda: loki.query_metric(query, window.start, window.end, step)
    )


def _samples(answers: Sequence[tuple[LogQuestion, Sequence[Stream]]], limits: Limits) -> list[Sample]:
    """What was seen of each question.

    Both questions of one slice of time are read together, for a stack trace may begin in the answer to one of them
    and go on in the other's.
    """
    slices: dict[tuple[str, datetime], list[tuple[LogQuestion, Sequence[Stream]]]] = {}
    for question, streams in answers:
        slices.setdefault((question.selector, question.piece_of or question.start), []).append((question, streams))
    lines = templates.read([[stream for _, streams in each for stream in streams] for each in slices.values()])
    return [
        _sample(question, streams, kinds[question.trouble], limits)
        for each, kinds in zip(slices.values(), map(_by_trouble, lines), strict=True)
        for question, streams in each
    ]


def _by_trouble(found: Iterable[Line]) -> dict[bool, list[Line]]:
    kinds: dict[bool, list[Line]] = {True: [], False: []}
    for line in found:
        kinds[is_trouble(line.entry.line)].append(line)
    return kinds


def _sample(question: LogQuestion, streams: Sequence[Stream], found: Sequence[Line], limits: Limits) -> Sample:
    """An answer as long as the limit was cut at its oldest line: what lies before that was not seen."""
    times = [entry.at for stream in streams for entry in stream.entries]
    cut = len(times) >= question.limit(limits)
    since = min(times) if cut else question.start.timestamp()
    until = question.end.timestamp()
    lines = tuple(line for line in found if since <= line.entry.at < until)
    return Sample(question.query, question.trouble, lines, since, until)


def at(line: Line) -> datetime:
    """When the line was written."""
    return datetime.fromtimestamp(line.entry.at, UTC)
