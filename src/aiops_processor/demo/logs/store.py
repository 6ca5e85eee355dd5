"""Log streams in memory: those of a recording, which appear as its clock passes them, and those that were pushed."""

import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiops_processor.clock import Clock
from aiops_processor.demo.labels import Labels, labels_of, value_of
from aiops_processor.demo.recording import LogEntry

NANOSECONDS = 10**9
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Matches = Callable[[Labels], bool]


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One entry of a stream; lines of one nanosecond keep their order of arrival."""

    ns: int
    number: int
    text: str = field(compare=False)
    metadata: Labels = field(compare=False)


class LogStore:
    """Streams by labels. Safe to ask from several threads while lines are pushed."""

    def __init__(self, clock: Clock, entries: Iterable[LogEntry] = ()) -> None:
        self._clock = clock
        self._recorded: dict[Labels, list[Line]] = {}
        self._pushed: dict[Labels, list[Line]] = {}
        self._count = 0
        self._lock = threading.Lock()
        for entry in sorted(entries, key=lambda entry: entry.ns):
            line = self._line(entry.ns, entry.line, labels_of(entry.metadata))
            self._recorded.setdefault(labels_of(entry.labels), []).append(line)

    def now(self) -> int:
        """The clock's time in nanoseconds since 1970."""
        return (self._clock.now() - EPOCH) // timedelta(microseconds=1) * 1000

    def push(self, labels: Labels, ns: int, text: str, metadata: Labels) -> None:
        with self._lock:
            insort(self._pushed.setdefault(labels, []), self._line(ns, text, metadata))

    def has_room(self, labels: Labels, most: int) -> bool:
        """Whether a line of this stream makes no more than so many streams."""
        with self._lock:
            return len(self._recorded.keys() | self._pushed.keys() | {labels}) <= most

    def lines(self, matches: Matches, start: int, end: int) -> Iterator[tuple[Labels, list[Line]]]:
        """The streams that match, with their visible lines of `start <= time < end`; streams without are left out."""
        seen = min(end, self.now() + 1)
        with self._lock:
            found = [
                (labels, _between(stream, start, until))
                for streams, until in ((self._recorded, seen), (self._pushed, end))
                for labels, stream in streams.items()
                if matches(labels)
            ]
        return ((labels, lines) for labels, lines in found if lines)

    def streams(self, matches: Matches, start: int, end: int) -> list[Labels]:
        """The labels of the streams with a visible line in that time, each once."""
        return list(dict.fromkeys(labels for labels, _ in self.lines(matches, start, end)))

    def label_values(self, name: str, matches: Matches, start: int, end: int) -> list[str]:
        return sorted({value_of(labels, name) for labels in self.streams(matches, start, end)} - {""})

    def _line(self, ns: int, text: str, metadata: Labels) -> Line:
        self._count += 1
        return Line(ns, self._count, text, metadata)


def _between(lines: list[Line], start: int, end: int) -> list[Line]:
    return lines[bisect_left(lines, start, key=_time) : bisect_left(lines, end, key=_time)]


def _time(line: Line) -> int:
    return line.ns
