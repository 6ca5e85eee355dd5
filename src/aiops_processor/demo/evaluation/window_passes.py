"""Arithmetic over many overlapping windows of flat arrays at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from aiops_processor.demo.evaluation.vectors import Floats, Ints, Samples

# Windows overlap, so that laying them out costs window size × steps × series; this many samples at a time (32 MB).
MOST_SAMPLES = 1_000_000


def reduced(ufunc: np.ufunc, flat: Floats, low: Ints, high: Ints) -> Floats:
    """`ufunc` over `flat[low:high]` for each window; anything where a window is empty. `high` is a valid index."""
    borders = np.empty(low.size * 2, dtype=np.int64)
    borders[0::2], borders[1::2] = low.ravel(), high.ravel()
    if not low.size:
        return np.zeros(low.shape)
    return ufunc.reduceat(flat, borders)[::2].reshape(low.shape)


@dataclass(frozen=True, slots=True)
class Windows:
    """K windows that are not empty, their samples laid out one window after the other.

    `starts` and `counts` (K) say where each window's samples stand, `steps` (K) which step it belongs to.
    """

    times: Ints
    values: Floats
    starts: Ints
    counts: Ints
    steps: Ints

    def spread(self, each: np.ndarray) -> np.ndarray:
        """One value a window → one a sample."""
        return np.repeat(each, self.counts)


def over_windows(samples: Samples, compute: Callable[[Windows], Floats]) -> Floats:
    """`compute` gives one value for each of K windows; the result has the shape series × steps, 0 where empty."""
    result = np.zeros(samples.low.shape)
    steps = samples.low.shape[1]
    for rows in _chunks(samples.counts.sum(axis=1)):
        low, counts = samples.low[rows].ravel(), samples.counts[rows].ravel()
        full = np.flatnonzero(counts)
        if not len(full):
            continue
        starts = np.cumsum(counts[full]) - counts[full]
        picked = np.repeat(low[full] - starts, counts[full]) + np.arange(counts[full].sum())
        windows = Windows(samples.times[picked], samples.values[picked], starts, counts[full], full % steps)
        part = np.zeros(len(counts))
        part[full] = compute(windows)
        result[rows] = part.reshape(-1, steps)
    return result


def _chunks(sizes: Ints) -> Iterator[slice]:
    start, total = 0, 0
    for row, size in enumerate(sizes):
        if total and total + size > MOST_SAMPLES:
            yield slice(start, row)
            start, total = row, 0
        total += int(size)
    if start < len(sizes):
        yield slice(start, len(sizes))


def quantiles(windows: Windows, wanted: Floats) -> Floats:
    """The φ-quantile of each window (`wanted`: one φ a window), between the two nearest ranks; NaN counts as lowest."""
    number = np.repeat(np.arange(len(windows.counts)), windows.counts)
    nan = np.isnan(windows.values)
    order = np.lexsort((np.where(nan, 0.0, windows.values), ~nan, number))
    ordered = windows.values[order]
    rank = np.nan_to_num(np.clip(wanted, 0, 1)) * (windows.counts - 1)
    lower = np.floor(rank).astype(np.int64)
    upper = np.minimum(lower + 1, windows.counts - 1)
    weight = rank - lower
    below, above = ordered[windows.starts + lower], ordered[windows.starts + upper]
    return outside(wanted, below * (1 - weight) + above * weight)


def outside(wanted: Floats, values: Floats) -> Floats:
    """Prometheus' answer to a φ that is none: NaN for NaN, -Inf below 0, +Inf above 1."""
    values = np.where(wanted < 0, -np.inf, values)
    values = np.where(wanted > 1, np.inf, values)
    return np.where(np.isnan(wanted), np.nan, values)
