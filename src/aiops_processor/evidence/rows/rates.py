"""Counters and gauges on one grid of time. Pure numpy.

A grid has `edges` (T+1 times in seconds); what is measured belongs to the T cells between them.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

GAP_CELLS = 4.0
"""Across a longer gap a counter's growth is not spread: nobody saw when it grew."""
HOLD_CELLS = 1
"""A gauge is held for one cell, for scrapes jitter; longer would hide that a target is gone."""
SLOWER = 1.5
"""A series with so many cells between its samples is scraped less often than the others: its own interval counts."""
FEW = 3
"""Samples; two say nothing about how often a series is scraped."""
HOLD_SCRAPES, GAP_SCRAPES = 1.25, 2.5
"""For how many of its own intervals such a series is held, and past how many it has a gap."""


def grid(start: float, end: float, width: float, most: int) -> Array:
    """Edges from `start` to `end`, `width` seconds apart; wider where there would be more than `most` cells."""
    width = max(width, (end - start) / most)
    cells = max(1, int((end - start) / width + 1e-9))
    return np.asarray(end - width * np.arange(cells, -1, -1), dtype=np.float64)


def interval_of(times: list[Array]) -> float | None:
    """The usual seconds between samples: the median over all series; None where no series has two samples."""
    gaps = [np.median(np.diff(each)) for each in times if len(each) > 1]
    return float(np.median(gaps)) if gaps else None


def increase(times: Array, values: Array, edges: Array, born: bool) -> Array:
    """How much a counter grew per second in each cell; NaN where nothing was seen.

    A fall is a reset: the counter began again at zero (as PromQL's `increase` has it). `born` says that the series
    began while its target was already watched, so its first value grew from zero.
    """
    width = edges[1] - edges[0]
    steps = np.diff(values)
    grown = np.concatenate([[0.0], np.cumsum(np.where(steps < 0, values[1:], steps))])
    if born:
        # All of it in the cell of the first value: nobody saw more of when it grew.
        birth = edges[max(0, int(np.searchsorted(edges, times[0])) - 1)]
        times = np.concatenate([[birth], times])
        grown = np.concatenate([[0.0], grown + values[0]])
    at_edges = np.interp(edges, times, grown)
    rate = np.diff(at_edges) / width
    rate[_unseen(times, edges)] = np.nan
    return np.asarray(rate, dtype=np.float64)


def held(times: Array, values: Array, edges: Array) -> Array:
    """The last value of a gauge in each cell, held for one more; NaN where nothing was seen."""
    last = np.searchsorted(times, edges[1:], side="right") - 1
    seen = last >= 0
    width = edges[1] - edges[0]
    fresh = seen & (times[last] > edges[:-1] - _held_for(times, width))
    return np.where(fresh, values[last], np.nan)


def alive(times: Array, edges: Array) -> NDArray[np.bool_]:
    """In which cells there was a sample, one cell's jitter forgiven. `times` sorted."""
    width = edges[1] - edges[0]
    since = edges[:-1] - _held_for(times, width)
    return np.searchsorted(times, edges[1:], side="right") > np.searchsorted(times, since, side="right")


def _held_for(times: Array, width: float) -> float:
    """Seconds; by the series' own interval where it is scraped less often than a cell is wide."""
    own = _slow_interval(times, width)
    # Between two of its scrapes there are cells without a sample: they are no gap.
    return HOLD_SCRAPES * own - width if own else HOLD_CELLS * width


def _slow_interval(times: Array, width: float) -> float:
    """The series' own interval, 0 where it is not slower than the grid or has too few samples to know."""
    if len(times) < FEW or times[-1] - times[0] <= SLOWER * width * (len(times) - 1):
        return 0.0
    own = float(np.median(np.diff(times)))
    return own if own > SLOWER * width else 0.0


def _unseen(times: Array, edges: Array) -> NDArray[np.bool_]:
    """Cells that lie outside the samples or inside a long gap between two of them."""
    width = edges[1] - edges[0]
    middle = (edges[1:] + edges[:-1]) / 2
    after = np.searchsorted(times, middle)
    outside = (after == 0) | (after == len(times))
    spans = np.concatenate([[0.0], np.diff(times), [0.0]])
    own = _slow_interval(times, width)
    return outside | (spans[after] > max(GAP_CELLS * width, GAP_SCRAPES * own))
