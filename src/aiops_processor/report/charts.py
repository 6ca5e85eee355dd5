"""A small line chart of a finding: where the line goes and what is shaded behind it. Pure geometry, no markup."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from aiops_processor.models.evidence import Point, Window
from aiops_processor.report.numbers import amount, clock_time

WIDTH = 320.0
HEIGHT = 72.0
MARGIN = 4.0
"""Above and below the line, so that its stroke is not cut."""
FEWEST_POINTS = 2
GAP = 3.0
"""A step of so many usual steps between two points is drawn as a gap: there nothing was seen."""
ZERO_BASED = 0.25
"""The axis starts at 0 unless the values span less than this share of the highest: then the change would be flat."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in the units of a viewBox of WIDTH by HEIGHT, y downwards.

    `line` is an SVG path. The baseline reaches from 0 to `onset`, the incident from there to `end`; what follows is
    outside the window that was compared. `low` and `high` are the ends of the axis in words; of the times below it only
    `onset_time` says UTC, for there is no room for three.
    """

    line: str
    onset: float
    end: float
    low: str
    high: str
    first_time: str
    onset_time: str
    last_time: str
    width: float = WIDTH
    height: float = HEIGHT


def chart(points: Sequence[Point], window: Window, unit: str = "") -> Chart | None:
    """These points over their window, None where there are too few to see anything. NaN and infinities are left out."""
    seen = sorted((at, value) for at, value in points if math.isfinite(at) and math.isfinite(value))
    if len(seen) < FEWEST_POINTS:
        return None
    start, onset, end = (at.timestamp() for at in (window.start, window.onset, window.end))
    first, last = min(start, seen[0][0]), max(end, seen[-1][0])
    low, high = _axis([value for _, value in seen])
    return Chart(
        line=_path([(_scaled(at, first, last, WIDTH), _height(value, low, high)) for at, value in seen], _gap(seen)),
        onset=round(_scaled(onset, first, last, WIDTH), 1),
        end=round(_scaled(end, first, last, WIDTH), 1),
        low=amount(low, unit),
        high=amount(high, unit),
        first_time=clock_time(first).removesuffix(" UTC"),
        onset_time=clock_time(onset),
        last_time=clock_time(last).removesuffix(" UTC"),
    )


def _axis(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if low >= 0 and high - low >= ZERO_BASED * high:
        return 0.0, high
    if high == low:  # a flat line, drawn in the middle
        return low - (abs(low) or 1.0), high + (abs(high) or 1.0)
    return low, high


def _gap(seen: Sequence[Point]) -> tuple[bool, ...]:
    """For each point, whether nothing was seen just before it."""
    steps = [later - earlier for (earlier, _), (later, _) in pairwise(seen)]
    usual = median(steps)
    return (True, *(step > GAP * usual > 0 for step in steps))


def _path(places: Sequence[tuple[float, float]], begins: Sequence[bool]) -> str:
    return " ".join(_strokes(places, begins))


def _strokes(places: Sequence[tuple[float, float]], begins: Sequence[bool]) -> Iterator[str]:
    """Lines through neighbours. A point alone between two gaps is a line to itself, which round ends make a dot."""
    for (x, y), begin, ends in zip(places, begins, (*begins[1:], True), strict=True):
        yield f"{'M' if begin else 'L'}{x:.1f} {y:.1f}"
        if begin and ends:
            yield "h0"


def _scaled(value: float, low: float, high: float, size: float) -> float:
    return (value - low) / (high - low) * size if high > low else size / 2


def _height(value: float, low: float, high: float) -> float:
    return HEIGHT - MARGIN - _scaled(value, low, high, HEIGHT - 2 * MARGIN)
