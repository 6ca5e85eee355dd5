"""When did it begin? The split of time that most series agree on. Pure numpy."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_CELLS = 3
"""Fewer values than this on one side of a split are no level."""
USUAL_SHARE = 0.3
"""So much of what was seen must lie before a split, to know what is usual."""
CLIP = 8.0
"""One series that explodes counts as much as one that moves by so many units of its noise: the many decide."""
CHANCE = 3.0
"""Splits are searched, so some stand out by chance: what lies under this counts nothing."""
USUAL_DELAY = 150.0
"""Alerts come some minutes late (`for:`, scrapes, grouping): a split so many seconds before the alert counts half."""

LONGEST_DELAY = 900.0
"""Before that an onset is not sought: with many rows, some slow drift of an hour ago would win."""


def find(values: Array, times: Array, earliest: float, latest: float) -> float | None:
    """The time (seconds) between `earliest` and `latest` that best splits all rows in a before and an after.

    `values` is (N, T) with NaN, `times` the end of each cell. Prefix sums make every split cost the same: O(N·T).
    None where no row changes at any of them beyond chance.
    """
    splits = np.flatnonzero((times > max(earliest, latest - LONGEST_DELAY)) & (times <= latest))
    values = values[np.isfinite(values).sum(axis=1) >= 2 * LEAST_CELLS]
    if not len(values):
        return None
    first = int(np.argmax(np.isfinite(values).any(axis=0)))
    usual = first + max(LEAST_CELLS, int((len(times) - first) * USUAL_SHARE))
    splits = splits[(splits >= usual) & (splits <= len(times) - LEAST_CELLS)]
    if not len(splits):
        return None
    scaled = _scaled(values, splits[0])
    strength = _strength(scaled, splits) * _plausible(latest - times[splits - 1])
    best = int(np.argmax(strength))
    return float(times[splits[best] - 1]) if strength[best] > 0 else None


def _plausible(delay: Array) -> Array:
    """What a split so many seconds before the alert weighs. Falls slowly: some rules wait for a quarter of an hour."""
    return np.asarray(1.0 / (1.0 + (delay / USUAL_DELAY) ** 2))


def _scaled(values: Array, usual: int) -> Array:
    """Each row in units of its own noise around its level, both taken from its first `usual` cells; clipped."""
    early = values[:, :usual]
    with np.errstate(all="ignore"):
        level = _level(early, values)
        spread = np.nan_to_num(np.nanstd(np.where(np.isnan(early), level[:, None], early), axis=1))
        floor = 0.01 * np.nanmax(np.abs(np.nan_to_num(values)), axis=1) + 1e-12
        scaled = (values - level[:, None]) / np.maximum(spread, floor)[:, None]
    return np.clip(scaled, -CLIP, CLIP)


def _level(early: Array, values: Array) -> Array:
    """The level of the early cells, of all cells where the early ones are empty."""
    empty = np.isnan(early).all(axis=1, keepdims=True)
    source = np.where(
        empty, values, np.pad(early, ((0, 0), (0, values.shape[1] - early.shape[1])), constant_values=np.nan)
    )
    return np.nan_to_num(np.nanmedian(source, axis=1))


def _strength(scaled: Array, splits: NDArray[np.intp]) -> Array:
    """For each split the sum over rows of the squared difference of means, in standard errors, beyond chance."""
    seen = np.isfinite(scaled)
    sums = np.cumsum(np.where(seen, scaled, 0.0), axis=1)
    counts = np.cumsum(seen, axis=1).astype(np.float64)
    before, after = counts[:, splits - 1], counts[:, -1:] - counts[:, splits - 1]
    enough = (before >= LEAST_CELLS) & (after >= LEAST_CELLS)
    with np.errstate(all="ignore"):
        shift = (sums[:, -1:] - sums[:, splits - 1]) / after - sums[:, splits - 1] / before
        errors = np.abs(shift) * np.sqrt(before * after / (before + after))
    beyond = np.where(enough, np.nan_to_num(errors) - CHANCE, 0.0)
    return np.asarray((np.maximum(beyond, 0.0) ** 2).sum(axis=0))
