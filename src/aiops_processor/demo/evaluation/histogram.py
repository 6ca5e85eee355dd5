"""histogram_quantile over classic histograms: promql/quantile.go, for all steps at once."""

import numpy as np

from aiops_processor.demo.evaluation.calls import Call
from aiops_processor.demo.evaluation.vectors import Bools, Floats, Vector, no_series
from aiops_processor.demo.evaluation.window_passes import outside
from aiops_processor.demo.labels import NAME, Labels, grouped_rows, value_of, without

# Differences between neighbouring buckets below this come from floating point, not from a broken histogram.
TOLERANCE = 1e-12


def histogram_quantile(call: Call) -> Vector:
    """`histogram_quantile(φ, buckets)`: one series a histogram, without `le` and the name."""
    wanted, buckets = call.scalar(0), call.vector(1)
    bounds = {row: bound for row, labels in enumerate(buckets.labels) if (bound := _bound(labels)) is not None}
    groups = grouped_rows(bounds, lambda row: without(buckets.labels[row], {"le", NAME}))
    if not groups:
        return no_series(len(call.steps))
    values: list[Floats] = []
    present: list[Bools] = []
    for rows in groups.values():
        ordered = sorted(rows, key=lambda row: bounds[row])
        edges = np.array([bounds[row] for row in ordered])
        mask = buckets.present[ordered]
        values.append(_estimates(wanted, edges, buckets.values[ordered], mask, tolerant=call.dialect.tolerant_buckets))
        present.append(np.logical_or.reduce(mask))
    return Vector(list(groups), np.array(values), np.array(present))


def _bound(labels: Labels) -> float | None:
    """The bucket's upper bound; None without a `le` that is a number: such series are left out."""
    try:
        return float(value_of(labels, "le"))
    except ValueError:
        return None


def _estimates(wanted: Floats, edges: Floats, counts: Floats, present: Bools, *, tolerant: bool) -> Floats:
    """Steps at which the same buckets exist are computed together."""
    result = np.full(len(wanted), np.nan)
    patterns, which = np.unique(present, axis=1, return_inverse=True)
    for number in range(patterns.shape[1]):
        buckets, steps = patterns[:, number], np.flatnonzero(which.ravel() == number)
        if buckets.any():
            part = _quantile(wanted[steps], edges[buckets], counts[np.ix_(buckets, steps)], tolerant=tolerant)
            result[steps] = part
    return result


def _quantile(wanted: Floats, edges: Floats, counts: Floats, *, tolerant: bool) -> Floats:
    """`edges`: B rising bounds; `counts`: B×T cumulative counts. NaN without a +Inf bucket or without observations."""
    edges, counts = _coalesced(edges, counts)
    counts = _monotonic(counts, tolerant=tolerant)
    if not np.isposinf(edges[-1]) or len(edges) < 2:
        return outside(wanted, np.full(len(wanted), np.nan))
    total = counts[-1]
    rank = np.nan_to_num(np.clip(wanted, 0, 1)) * total
    # The first bucket that reaches the rank; the last one where none of the others does.
    reached = counts[:-1] >= rank
    bucket = np.where(reached.any(axis=0), reached.argmax(axis=0), len(edges) - 1)
    values = np.where(bucket == len(edges) - 1, edges[-2], _within(edges, counts, bucket, rank))
    values = np.where((bucket == 0) & (edges[0] <= 0), edges[0], values)
    return outside(wanted, np.where((total == 0) | np.isnan(total), np.nan, values))


def _within(edges: Floats, counts: Floats, bucket: np.ndarray, rank: Floats) -> Floats:
    """Linear inside the bucket; the first one begins at 0."""
    column = np.arange(len(rank))
    before = np.maximum(bucket - 1, 0)
    start = np.where(bucket > 0, edges[before], 0.0)
    below = np.where(bucket > 0, counts[before, column], 0.0)
    return start + (edges[bucket] - start) * ((rank - below) / (counts[bucket, column] - below))


def _coalesced(edges: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Buckets of equal bounds (`le="1"` and `le="1.0"`) are one."""
    unique, starts = np.unique(edges, return_index=True)
    return (edges, counts) if len(unique) == len(edges) else (unique, np.add.reduceat(counts, starts, axis=0))


def _monotonic(counts: Floats, *, tolerant: bool) -> Floats:
    """Cumulative counts that fall (scrapes are not atomic) stay at what they were."""
    if not tolerant:
        return np.fmax.accumulate(counts, axis=0)
    result = counts.copy()
    level = counts[0]
    for row in range(1, len(counts)):
        apart = np.abs(counts[row] - level) / (np.abs(counts[row]) + np.abs(level))
        rises = (counts[row] > level) & ~(apart < TOLERANCE)
        level = np.where(rises, counts[row], level)
        result[row] = level
    return result
