"""Earlier incidents in the baseline: what is usual is not learnt from the time when something else was broken. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from aiops_processor.evidence.rows.rates import Array
from aiops_processor.models.evidence import Window
from aiops_processor.models.samples import Series

Span = tuple[float, float]
"""Seconds since the epoch, from and to."""

NOTICED = 120.0
"""So many seconds before a rule pends something may be wrong already: rates look back."""
SETTLED = 120.0
"""So many seconds after the last firing things may still be on their way back."""
LONGEST = 3.0
"""So many times the wanted baseline is looked back for enough of it."""
MISSED = 2.5
"""Evaluations that an alert may miss and still be the same one."""


def looked_at(window: Window) -> int:
    """Seconds before the onset in which earlier alerts matter."""
    return int((window.onset - window.start).total_seconds() * LONGEST)


def spans(alerts: Sequence[Series], onset: float) -> tuple[Span, ...]:
    """When alerts fired and ended again before `onset`, from the raw samples of `ALERTS`; what only pended is nothing.

    An alert that goes on until the onset is this incident, or belongs to what is usual.
    """
    times: dict[tuple[tuple[str, str], ...], list[tuple[float, bool]]] = defaultdict(list)
    for each in alerts:
        labels = tuple(sorted((k, v) for k, v in each.labels.items() if k != "alertstate"))
        firing = each.labels.get("alertstate") == "firing"
        times[labels] += [(at, firing) for at, _ in each.points]
    runs = [run for found in times.values() for run in _runs(sorted(found), onset)]
    return _merged(sorted((first - NOTICED, last + SETTLED) for first, last in runs if last + SETTLED < onset))


def lengthened(window: Window, excluded: Sequence[Span]) -> Window:
    """The window with as much of a baseline without these spans as it had with them, as far back as is looked."""
    onset, wanted = window.onset.timestamp(), (window.onset - window.start).total_seconds()
    earliest = onset - looked_at(window)
    start = onset - wanted
    while start > earliest and onset - start - overlap(excluded, start, onset) < wanted:
        start -= wanted - (onset - start - overlap(excluded, start, onset))
    back = timedelta(seconds=onset - max(start, earliest))
    return window.model_copy(update={"start": window.onset - back})


def leaves_enough(window: Window, excluded: Sequence[Span]) -> bool:
    """Whether half of the baseline is without them: with less, a baseline with trouble in it says more."""
    start, onset = window.start.timestamp(), window.onset.timestamp()
    return overlap(excluded, start, onset) <= (onset - start) / 2


def overlap(excluded: Collection[Span], start: float, end: float) -> float:
    """Seconds of that time that lie in the spans, which do not overlap each other."""
    return sum(max(0.0, min(last, end) - max(first, start)) for first, last in excluded)


def inside(excluded: Collection[Span], times: Array, before: float) -> NDArray[np.bool_]:
    """Which of these times (seconds), up to `before`, lie in a span: True or False for each."""
    found = np.zeros(len(times), dtype=bool)
    for first, last in excluded:
        found |= (times > first) & (times <= last) & (times <= before)
    return found


def _runs(samples: Sequence[tuple[float, bool]], onset: float) -> Iterator[Span]:
    """Stretches without a gap in which the alert fired, and that ended before the onset."""
    times = np.array([at for at, _ in samples])
    if len(times) < 2:
        return
    gap = MISSED * float(np.median(np.diff(times)))
    ends = [*np.flatnonzero(np.diff(times) > gap).tolist(), len(times) - 1]
    first = 0
    for last in ends:
        fired = any(firing for _, firing in samples[first : last + 1])
        if fired and times[last] + gap < onset:
            yield float(times[first]), float(times[last])
        first = last + 1


def _merged(found: Sequence[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for first, last in found:
        if merged and first <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    return tuple(merged)
