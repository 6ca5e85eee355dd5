"""Which rows changed, and which entities changed most. Pure numpy.

The score of a row is a moderated t: the shift of its median in units of its own noise and of its kind's. The kind's
part keeps rows without any variance from exploding and makes units not matter. Entities are ranked within each family
of rows and the ranks are fused by reciprocal rank (Cormack, Clarke and Büttcher 2009), so that a family with large
scores does not drown the others.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

UNUSUAL = 6.0
"""A smaller score is usual: in fault-free recordings hardly any row reaches it."""
HIGHEST = 100.0
"""Scores are capped: what never moved before and moves at all has no other bound."""
LEAST_CELLS = 3
IQR_TO_SIGMA = 1.349
STD_SHARE = 0.3
"""The noise is at least this share of the standard deviation: a row that is flat but for spikes has an IQR of zero."""
LEVEL_SHARE = 0.01
FUSION = 2.0
"""The constant of the reciprocal rank: small, for a family has few entities and the first place should count."""
EXPLAINED = 0.5
"""What is left of an entity's score where something that it calls is unusual too."""
DOWN = 3.0
"""The weight of targets that stop answering: all else they would show is silent then."""


@dataclass(frozen=True)
class Shift:
    """One row before and after. `score` is 0 where either side was not seen."""

    before: float
    after: float
    score: float


@dataclass(frozen=True)
class Ranked:
    """One entity with its fused score, and the best score of each family that is unusual."""

    entity: str
    score: float
    families: Mapping[str, float]


def shifts(values: Array, times: Array, onset: float, kinds: Sequence[str]) -> list[Shift]:
    """How each row of `values` (N, T) moved at `onset` (seconds; `times` are the ends of the cells)."""
    if not len(values):
        return []
    before, after = values[:, times <= onset], values[:, times > onset]
    enough = (np.isfinite(before).sum(axis=1) >= LEAST_CELLS) & (np.isfinite(after).sum(axis=1) >= LEAST_CELLS)
    level, later = _medians(before), _medians(after)
    scores = _moderated(level, later, _noise(before), kinds)
    scores = np.where(enough, np.minimum(np.nan_to_num(scores), HIGHEST), 0.0)
    return [Shift(float(b), float(a), float(s)) for b, a, s in zip(level, later, scores, strict=True)]


@dataclass(frozen=True)
class Vote:
    """One row's say about one entity. Rows of one family vote once, with their best score."""

    entity: str
    family: str
    score: float
    weight: float = 1.0


def fuse(votes: Iterable[Vote], calls: Collection[tuple[str, str]] = ()) -> list[Ranked]:
    """The entities with anything unusual, most changed first; equal ones by their best score, then by name.

    `calls` are (caller, callee). What happens to a caller is explained where a callee is unusual too: it counts less.
    """
    best: dict[str, dict[str, Vote]] = defaultdict(dict)
    for vote in votes:
        if vote.entity and vote.score >= UNUSUAL:
            known = best[vote.family].get(vote.entity)
            if known is None or vote.score > known.score:
                best[vote.family][vote.entity] = vote
    fused: dict[str, float] = defaultdict(float)
    families: dict[str, dict[str, float]] = defaultdict(dict)
    for family, found in best.items():
        for entity, vote in found.items():
            place = sum(other.score > vote.score for other in found.values())
            fused[entity] += vote.weight * FUSION / (FUSION + place)
            families[entity][family] = vote.score
    for entity in _explained(set(fused), calls):
        fused[entity] *= EXPLAINED
    ranked = [Ranked(entity, fused[entity], families[entity]) for entity in fused]
    return sorted(ranked, key=lambda each: (-each.score, -max(each.families.values()), each.entity))


def _explained(unusual: set[str], calls: Collection[tuple[str, str]]) -> set[str]:
    """Unusual entities that call an unusual one, unless that one calls back: a ring explains nothing."""
    return {
        caller
        for caller, callee in calls
        if caller in unusual and callee in unusual and caller != callee and (callee, caller) not in calls
    }


def _moderated(level: Array, later: Array, noise: Array, kinds: Sequence[str]) -> Array:
    shift = np.abs(later - level)
    typical = _typical(noise, kinds)
    floor = LEVEL_SHARE * np.maximum(np.abs(np.nan_to_num(level)), np.abs(np.nan_to_num(later)))
    scale = np.sqrt((noise**2 + typical**2) / 2) + floor
    with np.errstate(all="ignore"):
        return np.where(shift > 0, shift / scale, 0.0)


def _noise(before: Array) -> Array:
    """Each row's own noise: from the quartiles, floored by a share of the standard deviation."""
    with np.errstate(all="ignore"):
        filled = np.where(np.isnan(before).all(axis=1, keepdims=True), 0.0, before)
        low, high = np.nanpercentile(filled, (25, 75), axis=1) if filled.shape[1] else np.zeros((2, len(filled)))
        std = np.nanstd(filled, axis=1) if filled.shape[1] else np.zeros(len(filled))
    return np.maximum((high - low) / IQR_TO_SIGMA, STD_SHARE * std)


def _typical(noise: Array, kinds: Sequence[str]) -> Array:
    """The median noise of the row's kind over all entities."""
    names, members = np.unique(np.asarray(kinds, dtype=object).astype(str), return_inverse=True)
    medians = np.array([np.median(noise[members == index]) for index in range(len(names))])
    return np.asarray(medians[members])


def _medians(values: Array) -> Array:
    empty = np.isnan(values).all(axis=1) if values.shape[1] else np.ones(len(values), dtype=bool)
    medians = np.full(len(values), np.nan)
    if (~empty).any():
        medians[~empty] = np.nanmedian(values[~empty], axis=1)
    return medians
