"""Finding series by matchers, and their samples by time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from promql_parser import Matcher, MatchOp, VectorSelector

from aiops_processor.demo.evaluation.vectors import ExecutionError, Ints, Samples, Vector
from aiops_processor.demo.go_regex import BadRegex, compiled
from aiops_processor.demo.labels import NAME, value_of
from aiops_processor.demo.recording import MILLISECONDS, Series

Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Borders:
    """What a window includes. Since Prometheus 3 its left border is open: a sample exactly there is left out."""

    left_open: bool

    def search(self, times: Ints, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
        """For each window the indices of its first sample and of the one behind its last."""
        low = np.searchsorted(times, starts, side="right" if self.left_open else "left")
        return low, np.maximum(low, np.searchsorted(times, ends, side="right"))


class Index:
    """The series of a recording by metric name."""

    def __init__(self, series: Iterable[Series]) -> None:
        self.series = tuple(series)
        self._by_name: dict[str, list[Series]] = {}
        for one in self.series:
            self._by_name.setdefault(value_of(one.labels, NAME), []).append(one)

    def select(self, selector: VectorSelector) -> list[Series]:
        """The series that the selector means. Raises ExecutionError for a regular expression that we cannot run."""
        tests = [(matcher.name, matcher_test(matcher)) for matcher in selector.matchers.matchers]
        either = [
            [(matcher.name, matcher_test(matcher)) for matcher in group] for group in selector.matchers.or_matchers
        ]
        candidates = self._candidates(selector)
        return [one for one in candidates if _passes(one, tests) and _passes_any(one, either)]

    def _candidates(self, selector: VectorSelector) -> Sequence[Series]:
        name = metric_name(selector)
        return self._by_name.get(name, []) if name else self.series


def metric_name(selector: VectorSelector) -> str | None:
    """The one name that a selector asks for, written before the braces or inside them."""
    if selector.name:
        return selector.name
    equal = (m.value for m in selector.matchers.matchers if m.name == NAME and m.op == MatchOp.Equal)
    return next(equal, None)


def matcher_test(matcher: Matcher) -> Test:
    """The matcher as a function of the label's value; a label that is absent has the empty value."""
    wanted = matcher.value
    if matcher.op == MatchOp.Equal:
        return lambda value: value == wanted
    if matcher.op == MatchOp.NotEqual:
        return lambda value: value != wanted
    try:
        pattern = compiled(f"(?s){wanted}")
    except BadRegex as error:
        raise ExecutionError(str(error)) from error
    if matcher.op == MatchOp.Re:
        return lambda value: pattern.fullmatch(value) is not None
    return lambda value: pattern.fullmatch(value) is None


def _passes(series: Series, tests: list[tuple[str, Test]]) -> bool:
    return all(test(value_of(series.labels, name)) for name, test in tests)


def _passes_any(series: Series, groups: list[list[tuple[str, Test]]]) -> bool:
    return not groups or any(_passes(series, tests) for tests in groups)


def windows(series: Sequence[Series], starts: Ints, ends: Ints, at: Ints, *, borders: Borders, seen: int) -> Samples:
    """The samples of each series in each window; nothing after `seen` (milliseconds) is visible."""
    low, high = np.zeros((len(series), len(at)), np.int64), np.zeros((len(series), len(at)), np.int64)
    found: dict[int, tuple[Ints, Ints]] = {}  # series of one scrape share their times: search once
    offset = 0
    visible = np.minimum(ends, seen)
    for row, one in enumerate(series):
        if id(one.times) not in found:
            found[id(one.times)] = borders.search(one.times, starts, visible)
        first, behind = found[id(one.times)]
        np.add(first, offset, out=low[row])
        np.add(behind, offset, out=high[row])
        offset += len(one.times)
    # One sample more than there is, so that a window's end is always a valid index.
    times, values = [one.times for one in series], [one.values for one in series]
    return Samples(
        labels=[one.labels for one in series],
        times=np.concatenate([*times, np.zeros(1, np.int64)]),
        values=np.concatenate([*values, np.zeros(1)]),
        low=low,
        high=high,
        starts=starts,
        ends=ends,
        at=at,
    )


def newest(samples: Samples) -> tuple[Vector, Vector]:
    """The last sample of each window: its value, and its time in seconds."""
    present = samples.high > samples.low
    last = np.where(present, samples.high - 1, 0)
    times = samples.times[last] / MILLISECONDS
    return Vector(samples.labels, samples.values[last], present), Vector(samples.labels, times, present)
