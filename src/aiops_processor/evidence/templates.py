"""Log lines by their template, and how many there were before and after. Pure.

Templates come from `mining`. Counts before and after are compared by the deviance residual of a Poisson count, in units
of about one standard deviation.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from aiops_processor.evidence.mining.fields import level_word_of
from aiops_processor.evidence.mining.levels import level_of
from aiops_processor.evidence.mining.miner import Miner, Read
from aiops_processor.evidence.rows.entities import entity_of
from aiops_processor.models.samples import Entry, Stream

LONGEST_PAUSE = 1.0
"""Seconds: a line that comes later does not go on with the one before, whatever it looks like."""
USUAL_GROWTH = 1.5
"""Traffic comes and goes: so much more, or the inverse less, is not a change of the kind of line."""
NEW = 1.3
"""What was never seen before is more telling than what was."""
SEVERITY = {"fatal": 2.5, "error": 1.5, "warn": 1.2, "info": 0.5, "debug": 0.3, "trace": 0.3}
OTHER_SEVERITY = 0.7
HIGHEST = 100.0


class Line(msgspec.Struct, frozen=True):
    """One line as it counts: who wrote it, when, its level and its template.

    `entry` is the real one, with the lines that go on with it (a stack trace) behind it. A struct, for there are
    thousands.
    """

    entity: str
    level: str
    template: str
    labels: dict[str, str]
    entry: Entry


@dataclass(frozen=True)
class TemplateChange:
    """One kind of line of one entity before and after; `example` is a real line of the side that has more of them."""

    entity: str
    level: str
    template: str
    before: int
    after: int
    score: float
    example: Line


def read(slices: Sequence[Sequence[Stream]]) -> list[list[Line]]:
    """The lines of each slice of time, oldest first within a stream; those of one entity are mined together.

    A stream that several answers of a slice hold is read once. Lines that go on with another (stack traces) belong to
    it. A level in the store's own labels counts most.
    """
    sources: dict[str, list[tuple[int, Stream]]] = defaultdict(list)
    for number, streams in enumerate(slices):
        for stream in _together(streams):
            sources[entity_of(stream.labels)].append((number, stream))
    found: list[list[Line]] = [[] for _ in slices]
    for entity, parts in sources.items():
        for number, lines in _mined(entity, parts):
            found[number] += lines
    return found


def _together(streams: Iterable[Stream]) -> list[Stream]:
    """Each stream once, with the lines of all answers in order of time."""
    entries: dict[tuple[tuple[str, str], ...], dict[tuple[int, str], Entry]] = defaultdict(dict)
    for stream in streams:
        newest_first = len(stream.entries) > 1 and stream.entries[0].ns > stream.entries[-1].ns
        known = entries[tuple(sorted(stream.labels.items()))]
        known.update(((entry.ns, entry.line), entry) for entry in stream.entries[:: -1 if newest_first else 1])
    return [Stream(dict(labels), sorted(known.values(), key=_when)) for labels, known in entries.items()]


def _when(entry: Entry) -> int:
    return entry.ns


def _mined(entity: str, parts: Sequence[tuple[int, Stream]]) -> list[tuple[int, list[Line]]]:
    miner = Miner()
    reads = miner.read(entry.line for _, stream in parts for entry in stream.entries)
    drafts = [(number, stream.labels, _whole(stream, reads)) for number, stream in parts]
    templates = miner.templates()
    return [
        (number, [Line(entity, level, templates[kind], labels, entry) for kind, level, entry in found])
        for number, labels, found in drafts
    ]


def _whole(stream: Stream, reads: Iterator[Read]) -> list[tuple[int, str, Entry]]:
    """The kinds and levels of a stream's lines; what goes on with a line is joined to it."""
    found: list[tuple[int, str, Entry]] = []
    own = level_word_of(stream.labels)
    last = -math.inf
    for entry in stream.entries:
        kind, level, continues = next(reads)
        if continues and found and entry.at - last <= LONGEST_PAUSE:
            before, named, begun = found[-1]
            found[-1] = before, named, _joined(begun, entry)
        else:
            given = level_of(level_word_of(entry.metadata) or own)
            found.append((kind, given or level, entry))
        last = entry.at
    return found


def _joined(entry: Entry, more: Entry) -> Entry:
    return msgspec.structs.replace(entry, line=f"{entry.line}\n{more.line}")


def compare(
    before: Sequence[Line], after: Sequence[Line], before_seconds: float, after_seconds: float
) -> list[TemplateChange]:
    """The kinds of lines that became more or fewer, most changed first. The seconds are what was really looked at."""
    if before_seconds <= 0 or after_seconds <= 0:
        return []
    examples: dict[tuple[str, str, str], Line] = {}
    counts: tuple[Counter[tuple[str, str, str]], ...] = (Counter(), Counter())
    for count, lines in zip(counts, (before, after), strict=True):
        for line in lines:
            key = (line.entity, line.level, line.template)
            count[key] += 1
            examples[key] = line
    changes = [TemplateChange(*key, counts[0][key], counts[1][key], 0.0, example) for key, example in examples.items()]
    ratio = after_seconds / before_seconds
    scored = [_scored(change, ratio) for change in changes]
    return sorted(scored, key=lambda each: (-each.score, each.entity, each.template))


def _scored(change: TemplateChange, ratio: float) -> TemplateChange:
    weight = SEVERITY.get(change.level, OTHER_SEVERITY) * (NEW if not change.before else 1.0)
    score = min(HIGHEST, weight * surprise(change.before, change.after, ratio))
    return TemplateChange(
        change.entity, change.level, change.template, change.before, change.after, score, change.example
    )


def surprise(before: int, after: int, ratio: float) -> float:
    """How unlikely `after` is when `before` was seen in 1/`ratio` of the time, in standard deviations; never negative.

    The deviance residual of a Poisson count, beyond a growth or fall that is usual. One more line is supposed in the
    baseline, so that a first line ever is not infinitely surprising.
    """
    usual = before * ratio
    if after > usual:
        most = (before + 1) * ratio * USUAL_GROWTH
        return _deviance(after, most) if after > most else 0.0
    least = usual / USUAL_GROWTH
    return _deviance(after, least) if after < least else 0.0


def _deviance(seen: int, expected: float) -> float:
    logarithm = seen * math.log(seen / expected) if seen else 0.0
    return math.sqrt(max(0.0, 2 * (logarithm - seen + expected)))
