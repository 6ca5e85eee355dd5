"""What a finding says that a claim can be held against: its numbers with their parts in it, its times, its words."""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

from aiops_processor.llm.verification.quantities import TIMES_OF_DAY, Quantity, quantities, quantity
from aiops_processor.models.evidence import Change, Evidence, LogCount, Window
from aiops_processor.report.numbers import amount

WHOLE = 0.995
"""A share from which on all of it is meant."""
_FIGURE = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
# At the end of what we say ourselves of a rule: a line or a note of somebody else may hold the same words.
_LIMIT = re.compile(rf"; the rule fires at ([<>=!]+) ({_FIGURE})$")
_VALUE = re.compile(rf"\b(is|was) ({_FIGURE})")
_ZONE = re.compile(r":\d\d(?:\.\d+)?([+-])(\d\d):?(\d\d)$")
_HALF_DAY = re.compile(r"(\d{1,2})(:\d\d(?::\d\d)?)\s?([AaPp])[Mm]$")
_WRITER = re.compile(r" \(written by (\S+)\):")
"""What we say behind the title of a line that somebody else wrote of the component."""
_MEASURED = re.compile(r"\b\w+_([a-z]{1,7})\\*[\"']?\s*[:=]\s*(\d+(?:\.\d+)?)\b")
"""A field of a line that says its unit: `"rss_mb": 301`, `took_ms=12`."""
_VERSIONS = re.compile(r"runs (\S+) instead of (\S+)")
_INCREASE = re.compile(r"\bincrease\([^\[]*\[(\d+)([smh])\]\)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_NAMING_LABELS = ("service", "pod", "container", "instance", "node", "host", "deployment", "app", "job", "workload")
_TIMED = re.compile(r"(?i)_seconds\b|_seconds_|duration|latency|delay|_ms\b")
_SIZED = re.compile(r"(?i)_bytes\b|_bytes_|memory|heap")


class Part(StrEnum):
    """What a number is in its finding."""

    BEFORE = "before"
    AFTER = "after"
    LIMIT = "limit"
    DIFFERENCE = "difference"
    APART = "apart"
    FACTOR = "factor"
    COUNT = "count"
    SPAN_BEFORE = "span before"
    SPAN_AFTER = "span after"
    NOISE = "noise"
    TEXT = "text"


class Fact(NamedTuple):
    """A number and its part. One that is `exact` counts things: 94 lines are not 95."""

    quantity: Quantity
    part: Part
    exact: bool = False


class Known(NamedTuple):
    """A finding, taken apart. `before` and `after` are None where they were not seen or mean nothing.

    `line_at` is when the first of its lines that are shown was written.
    `rated`: its value is so many in so many seconds, 0 where it is no rate.
    `text` is every word of it in lower case; `old` and `new` are versions; `times` are seconds since the epoch.
    """

    id: str
    entity: str
    names: frozenset[str]
    facts: tuple[Fact, ...]
    before: float | None
    after: float | None
    limit: tuple[str, float] | None
    times: tuple[float, ...]
    moment: float | None
    text: str
    title: str
    timed: bool
    sized: bool
    rated: float
    old: str = ""
    new: str = ""
    log: bool = False
    line_at: float | None = None

    @property
    def fails_all(self) -> bool:
        """It is a share of what failed, and that is all of it."""
        whole = (fact.quantity for fact in self.facts if fact.part is Part.AFTER and fact.quantity.measures == "ratio")
        return "failed" in self.title and any(max(quantity.sizes) >= WHOLE for quantity in whole)

    @property
    def began_empty(self) -> bool:
        """Nothing of it was there before: no value, no line, or zero."""
        return self.before == 0 or (self.before is None and "no values before" in self.text)


def known(item: Evidence, window: Window, entities: frozenset[str] = frozenset()) -> Known:
    """A finding as claims are held against it. `entities` are those of the report: none goes by another's name."""
    versions = _VERSIONS.search(item.statement)
    # What is asked of a log names every word of trouble there is: none of them need stand in a line.
    query = "" if item.kind == "log" else item.query
    texts = (item.entity, item.title, item.statement, query, *_own_words(item))
    before, after = _ends(item)
    times = tuple(_times(item, window))
    return Known(
        id=item.id,
        entity=item.entity,
        names=_names(item, entities),
        facts=tuple(_facts(item, window, times)),
        before=before,
        after=after,
        limit=_limit(item),
        times=times,
        moment=_moment(item, window),
        text=" ".join("\n".join(texts).lower().split()),
        title=item.title.lower(),
        timed=bool(_TIMED.search(item.title + item.query)) or bool(item.change and item.change.unit == "s"),
        sized=bool(_SIZED.search(item.title + item.query)),
        rated=_rated(item.query),
        old=versions[2] if versions else "",
        new=versions[1] if versions else "",
        log=item.kind == "log",
        line_at=min((line.at.timestamp() for line in item.lines), default=None),
    )


def _names(item: Evidence, entities: frozenset[str]) -> frozenset[str]:
    labels = {item.labels.get(name, "") for name in _NAMING_LABELS}
    writer = _WRITER.match(item.statement.removeprefix(item.title)) if item.kind == "log" else None
    return frozenset({item.entity, *(labels - entities), *([writer[1]] if writer else [])} - {""})


def times_in(text: str, window: Window) -> Iterator[tuple[float, float]]:
    """Every time of day of a text: when it begins and how long it is (a second, a minute or a day), in seconds.

    The date is the window's where none is given.
    """
    for found in TIMES_OF_DAY.finditer(text):
        text, ahead = _in_utc(found[0])
        date, _, clock = text.replace("T", " ").rpartition(" ")
        if "-" in clock and not date:
            date, clock = clock, ""
        at = _as_time(date, clock, window)
        length = {0: 86400.0, 1: 60.0}.get(clock.count(":"), 1.0)
        yield (float("nan"), 0.0) if at is None else (at - ahead, length)


def _in_utc(text: str) -> tuple[str, float]:
    """A time without its zone and without AM or PM, and how many seconds it is ahead of UTC."""
    if zone := _ZONE.search(text):
        seconds = int(zone[2]) * 3600.0 + int(zone[3]) * 60.0
        return text[: zone.start(1)], seconds if zone[1] == "+" else -seconds
    if half := _HALF_DAY.match(text):
        hour = int(half[1]) % 12 + (12 if half[3].lower() == "p" else 0)
        return f"{hour}{half[2]}", 0.0
    return text.removesuffix("Z"), 0.0


def _as_time(date: str, clock: str, window: Window) -> float | None:
    onset = window.onset.astimezone(UTC)
    clock = f"0{clock}" if clock.find(":") == 1 else clock
    try:
        found = datetime.fromisoformat(f"{date or onset.date()} {clock}".strip()).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    if date:
        return found
    # Around midnight the nearer day is meant.
    return min((found + days * 86400.0 for days in (-1, 0, 1)), key=lambda at: abs(at - onset.timestamp()))


def _rated(query: str) -> float:
    """The seconds in which there are as many as the query's value says."""
    if found := _INCREASE.search(query):
        return float(found[1]) * _SECONDS[found[2]]
    return 1.0 if "rate(" in query else 0.0


def _limit(item: Evidence) -> tuple[str, float] | None:
    found = _LIMIT.search(item.statement) if item.kind in {"rule", "metric"} else None
    return (found[1], float(found[2])) if found else None


def _ends(item: Evidence) -> tuple[float | None, float | None]:
    if item.change:
        return item.change.before, item.change.after
    if item.logs:
        return float(item.logs.before), float(item.logs.after)
    found = _VALUE.search(item.statement) if item.kind in {"rule", "metric"} else None
    if not found:
        return None, None
    value = float(found[2])
    return (None, value) if found[1] == "is" else (value, None)


def _own_words(item: Evidence) -> Iterator[str]:
    yield from item.labels.values()
    yield from (f"{name}={value}" for name, value in item.labels.items())
    if item.logs:
        yield from (item.logs.template, item.logs.level)
    for line in item.lines:
        yield from (line.line, line.message, line.level)


def _lines(item: Evidence) -> Iterator[str]:
    """What the lines say: their message where they have one, for the fields around it are full of other numbers."""
    yield from (line.message or line.line for line in item.lines)
    yield from ([item.logs.template] if item.logs else [])


def _facts(item: Evidence, window: Window, times: Sequence[float]) -> Iterator[Fact]:
    for text in (item.entity, item.title, *item.labels.values(), *_lines(item)):
        yield from (Fact(number, Part.TEXT) for number in quantities(text))
    for found in (each for line in item.lines for each in _MEASURED.finditer(line.line)):
        if (number := quantity(float(found[2]), found[1])).measures:
            yield Fact(number, Part.TEXT)
    _, limit = _limit(item) or ("", None)
    if limit is not None:
        yield Fact(quantity(limit), Part.LIMIT)
    if item.change:
        yield from _of_change(item.change, limit)
    elif item.logs:
        yield from _of_logs(item.logs)
    else:
        value = _ends(item)[1]
        if value is not None and limit:
            yield Fact(quantity(value / limit), Part.FACTOR)
        part = Part.COUNT if item.kind == "change" else Part.AFTER
        yield from (Fact(number, part, item.kind == "change") for number in quantities(item.statement.split(";")[0]))
    for start, end, part in (
        (window.start, window.onset, Part.SPAN_BEFORE),
        (window.onset, window.end, Part.SPAN_AFTER),
    ):
        yield Fact(quantity((end - start).total_seconds(), "s"), part)
    for one, other in combinations(sorted(set(times)), 2):
        yield Fact(quantity(round(other - one), "s"), Part.DIFFERENCE)


def _of_change(change: Change, limit: float | None) -> Iterator[Fact]:
    yield Fact(quantity(change.before, change.unit), Part.BEFORE)
    yield Fact(quantity(change.after, change.unit), Part.AFTER)
    yield Fact(quantity(abs(change.after - change.before), change.unit), Part.DIFFERENCE)
    yield Fact(quantity(change.score), Part.NOISE)
    if change.before:
        yield Fact(quantity(change.after / change.before), Part.FACTOR)
        yield Fact(quantity(abs(change.after - change.before) / abs(change.before), "ratio"), Part.DIFFERENCE)
    if limit:
        yield Fact(quantity(change.after / limit), Part.FACTOR)
    # As the prompt shows them, too: 500 s stands there as "8 min 20 s".
    yield from (Fact(number, Part.BEFORE) for number in quantities(amount(change.before, change.unit)))
    yield from (Fact(number, Part.AFTER) for number in quantities(amount(change.after, change.unit)))


def _of_logs(logs: LogCount) -> Iterator[Fact]:
    sides = (
        (logs.before, logs.before_seconds, Part.BEFORE, Part.SPAN_BEFORE),
        (logs.after, logs.after_seconds, Part.AFTER, Part.SPAN_AFTER),
    )
    for count, seconds, part, span in sides:
        yield Fact(quantity(count), part, exact=True)
        yield Fact(quantity(seconds, "s"), span)
        if seconds:
            yield Fact(quantity(count / seconds, "/s"), part)
    if logs.before:
        yield Fact(quantity(logs.after / logs.before), Part.FACTOR)


def _times(item: Evidence, window: Window) -> Iterator[float]:
    yield from (window.start.timestamp(), window.onset.timestamp(), window.end.timestamp())
    if item.change and item.change.onset:
        yield item.change.onset
    yield from (at for at, _ in times_in(item.statement, window) if math.isfinite(at))
    yield from (line.at.timestamp() for line in item.lines)


def _moment(item: Evidence, window: Window) -> float | None:
    """When it happened, where that is one moment: not so for lines."""
    if item.change and item.change.onset:
        return item.change.onset
    found = times_in(item.statement, window) if item.kind == "change" else ()
    return next((at for at, _ in found if math.isfinite(at)), None)
