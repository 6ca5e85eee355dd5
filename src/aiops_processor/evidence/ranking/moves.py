"""How far each row moved at the onset, in units of its own noise and of its kind's. Pure numpy.

A moderated t (Smyth 2004, as gene expression uses it: few samples, many rows): a row's noise is mixed with the typical
noise of its kind, so that rows without any variance do not explode and units do not matter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aiops_processor.evidence.ranking.kinds import is_health

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

UNUSUAL = 6.0
"""A smaller score of a single row is usual: in fault-free recordings hardly any row reaches it."""
HIGHEST = 100.0
"""Scores that are shown are capped: what never moved before and moves at all has no other bound."""
LEAST_CELLS = 3
IQR_TO_SIGMA = 1.349
MAD_TO_SIGMA = 1.4826
STD_SHARE = 0.3
"""The noise is at least this share of the standard deviation: a row that is flat but for spikes has an IQR of zero."""
SHOWN_LEVEL_SHARE = 0.01
LEVEL_SHARE = 0.2
"""Growth counts in shares of the level: what doubles matters more than what leaves a narrow band of noise."""
KIND_SHARE = 0.1
"""The noise of a kind is at least this share of how its rows vary over all of the time, the incident included."""
FALL = 0.3
"""A fall counts so much of a rise: less work is an effect more often than a cause."""
PERCENT = 50.0
"""Where less is worse: a percentage where the best of the kind is between this and 100, else a number of things."""
UPPER = tuple(0.4 + 0.1 * step for step in range(6))
"""The quantiles that tell where a row went: an incident that pauses, or ends before somebody looks, has moved it, too.
The highest tenth may be a glitch."""


@dataclass(frozen=True)
class Shift:
    """One row before and after. `score` is 0 where either side was not seen."""

    before: float
    after: float
    score: float


@dataclass(frozen=True)
class Sides:
    """Medians and noise of N rows before and after; NaN where nothing was seen. `counts` are seen cells."""

    before: Array
    after: Array
    noise: Array
    counts: tuple[Integers, Integers]


def shifts(values: Array, times: Array, onset: float, kinds: Sequence[str]) -> list[Shift]:
    """How each row of `values` (N, T) moved at `onset` (seconds; `times` are the ends of the cells), to be shown."""
    if not len(values):
        return []
    sides = _sides(values, times <= onset)
    typical = _by_kind(codes_of(kinds), np.nan_to_num(sides.noise), _median)
    level = np.maximum(np.abs(np.nan_to_num(sides.before)), np.abs(np.nan_to_num(sides.after)))
    scale = np.sqrt((np.nan_to_num(sides.noise) ** 2 + typical**2) / 2) + SHOWN_LEVEL_SHARE * level
    enough = (sides.counts[0] >= LEAST_CELLS) & (sides.counts[1] >= LEAST_CELLS)
    with np.errstate(all="ignore"):
        scores = np.abs(sides.after - sides.before) / scale
    scores = np.where(enough, np.minimum(np.nan_to_num(scores, posinf=HIGHEST), HIGHEST), 0.0)
    return [Shift(float(b), float(a), float(s)) for b, a, s in zip(sides.before, sides.after, scores, strict=True)]


def efforts(values: Array, before: NDArray[np.bool_], kinds: Sequence[str]) -> Array:
    """How far each row of `values` (N, T) moved, for ranking: ≥ 0, comparable between rows of one kind.

    `before` (T) marks the cells that show what is usual. A row that was not seen there is compared with the level of
    its kind; one that was not seen afterwards did not move.
    """
    codes = codes_of(kinds)
    values = _as_trouble(values, codes, np.array([is_health(kind) for kind in kinds], dtype=bool))
    sides = _sides(values, before)
    usual, noise, strange = _usual(values, sides, codes)
    with np.errstate(all="ignore"):
        moved = (_reached(values[:, ~before], usual) - usual) / (noise + LEVEL_SHARE * np.abs(usual) + strange)
    moved = np.nan_to_num(moved, posinf=0.0, neginf=0.0)
    return np.where(moved > 0, moved, -FALL * moved)


def codes_of(kinds: Sequence[str]) -> Integers:
    """A number for each kind: rows of one kind have the same."""
    known: dict[str, int] = {}
    return np.array([known.setdefault(kind, len(known)) for kind in kinds], dtype=np.intp)


def quantiles(values: Array, shares: Sequence[float]) -> list[Array]:
    """Quantiles along rows without NaN, as numpy's `nanquantile` has them, in one sort for all; NaN for empty rows."""
    if not values.shape[1]:
        return [np.full(len(values), np.nan) for _ in shares]
    ordered = np.sort(values, axis=1)  # NaN comes last
    last = np.maximum(np.isfinite(values).sum(axis=1) - 1, 0)
    rows = np.arange(len(values))
    found = []
    for share in shares:
        place = share * last
        low = np.floor(place).astype(np.intp)
        high = np.minimum(low + 1, last)
        found.append(ordered[rows, low] + (place - low) * (ordered[rows, high] - ordered[rows, low]))
    return found


def _as_trouble(values: Array, codes: Integers, health: NDArray[np.bool_]) -> Array:
    """Rows of which less is worse turned round: shares as what is missing from all (99 % success is 1 % trouble).

    Anything else (replicas, free memory) has no best that is known: of it a fall counts as a rise of others does.
    """
    if not health.any() or not values.shape[1]:
        return values
    best = _by_kind(codes, np.nan_to_num(np.nanmax(np.where(np.isfinite(values), values, -np.inf), axis=1)), np.max)
    whole = np.where(best <= 1.0, 1.0, np.where((best > PERCENT) & (best <= 100.0), 100.0, 0.0))
    return np.where(health[:, None], whole[:, None] - values, values)


def _sides(values: Array, before: NDArray[np.bool_]) -> Sides:
    values = np.where(np.isfinite(values), values, np.nan)
    early, late = values[:, before], values[:, ~before]
    low, level, high = quantiles(early, (0.25, 0.5, 0.75))
    noise = np.maximum((high - low) / IQR_TO_SIGMA, STD_SHARE * _deviation(early))
    counts = np.isfinite(early).sum(axis=1), np.isfinite(late).sum(axis=1)
    return Sides(level, quantiles(late, (0.5,))[0], noise, counts)


def _reached(late: Array, usual: Array) -> Array:
    """The level that each row went to: the mean of its upper quantiles, or of its lower ones where it fell further."""
    late = np.where(np.isfinite(late), late, np.nan)
    found = quantiles(late, [*UPPER, *(1.0 - share for share in UPPER)])
    high, low = (np.mean(part, axis=0) for part in (found[: len(UPPER)], found[len(UPPER) :]))
    return np.where(high - usual >= usual - low, high, low)


def _usual(values: Array, sides: Sides, codes: Integers) -> tuple[Array, Array, Array]:
    """Each row's usual level and noise, and how far its kind's entities lie apart where the row itself is new."""
    known = sides.counts[0] >= LEAST_CELLS
    overall = _deviation(values)
    enough = sides.counts[0] + sides.counts[1] >= LEAST_CELLS
    varying = _by_kind(codes, np.where(enough & (overall > 0), overall, np.nan), _median)
    typical = _by_kind(codes, np.where(known, sides.noise, np.nan), _median)
    floor = np.where(np.isnan(typical), np.nan_to_num(varying), np.nan_to_num(typical))
    typical = np.maximum(floor, KIND_SHARE * np.nan_to_num(varying))
    own = np.sqrt((np.nan_to_num(sides.noise) ** 2 + typical**2) / 2)
    noise = np.where(known, own, np.maximum(typical, np.nan_to_num(varying)))
    level = quantiles(values, (0.5,))[0]
    peers = np.nan_to_num(_by_kind(codes, level, _median))
    apart = MAD_TO_SIGMA * np.nan_to_num(_by_kind(codes, np.abs(level - peers), _median))
    new = sides.counts[0] == 0
    usual = np.where(new, peers, np.nan_to_num(sides.before))
    return usual, noise + 1e-12, np.where(new, apart + np.abs(peers), 0.0)


def _by_kind(codes: Integers, values: Array, of: Callable[[Array], float]) -> Array:
    """One number per kind, given to each of its rows."""
    if not len(codes):
        return np.empty(0)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1)).tolist()
    ordered = values[order]
    numbers = [of(ordered[start:end]) for start, end in pairwise((*starts, len(ordered)))]
    return np.asarray(numbers, dtype=np.float64)[codes]


def _median(values: Array) -> float:
    """As numpy's, which takes ten times as long for the few values of a kind."""
    seen = np.sort(values[np.isfinite(values)]).tolist()
    middle = len(seen) // 2
    if not seen:
        return float("nan")
    return seen[middle] if len(seen) % 2 else (seen[middle - 1] + seen[middle]) / 2


def _deviation(values: Array) -> Array:
    """The standard deviation along rows without NaN; 0 for rows without values."""
    seen = np.isfinite(values)
    count = np.maximum(seen.sum(axis=1), 1)
    filled = np.where(seen, values, 0.0)
    mean = filled.sum(axis=1) / count
    return np.asarray(np.sqrt(np.where(seen, (filled - mean[:, None]) ** 2, 0.0).sum(axis=1) / count))
