"""How surprising a move is: on a logarithmic scale, and beside what the row's peers did. Pure numpy.

Moves of telemetry have tails like a power law, so the logarithm of a move is about the logarithm of how rarely it is
seen. What nearly all entities do at once (more traffic, a slow dependency of many) says little about any one of them.
"""

from collections.abc import Sequence

import numpy as np

from aiops_processor.evidence.ranking.moves import Array, Integers, codes_of

PEERS = 0.5
"""So much of what its peers do is taken off a row."""
HIGH = 0.95
"""The peer that is looked at: with few peers the loudest one, with many not the one or two that go their own way."""
LEAST_COMMON = 4
"""Fewer cells that two rows have in common show no correlation."""


def of_rows(efforts: Array, entities: Sequence[str], kinds: Sequence[str]) -> Array:
    """The surprise of each row, ≥ 0: the logarithm of its move less that of its peers, rows of the kind elsewhere."""
    surprises = np.log1p(efforts)
    codes, who = codes_of(kinds), codes_of(entities)
    result = surprises.copy()
    order = np.argsort(codes, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        result[rows] -= PEERS * _peers(surprises[rows], who[rows])
    return np.maximum(result, 0.0)


def alike(values: Array, alerting: Sequence[int], last: int) -> Array:
    """How much each row moves with the alert, 0 to 1: its strongest correlation with one of the `alerting` rows.

    Squared, over the `last` cells. 1 everywhere where there is no such row or it does not move.
    """
    recent = values[:, -last:]
    best = np.zeros(len(values))
    spoke = False
    for row in alerting:
        common = np.isfinite(recent) & np.isfinite(recent[row])
        if np.nan_to_num(np.nanstd(recent[row])) > 0 and common[row].sum() >= LEAST_COMMON:
            spoke = True
            best = np.maximum(best, _squared_correlation(recent, recent[row], common))
    return best if spoke else np.ones(len(values))


def _peers(surprises: Array, who: Integers) -> Array:
    """For each row the high quantile of the other entities' loudest rows; 0 where there is no other."""
    names, index = np.unique(who, return_inverse=True)
    if len(names) < 2:
        return np.zeros(len(surprises))
    loudest = np.zeros(len(names))
    np.maximum.at(loudest, index, surprises)
    order = np.argsort(loudest, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    ordered = loudest[order]
    at = HIGH * (len(names) - 2)
    low, high = int(np.floor(at)), int(np.ceil(at))
    # Without the row's own entity, what lies behind its place moves up by one.
    lower, upper = ordered[low + (place <= low)], ordered[high + (place <= high)]
    return np.asarray((lower + (at - low) * (upper - lower))[index])


def _squared_correlation(rows: Array, one: Array, common: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Array:
    count = common.sum(axis=1)
    divisor = np.maximum(count, 1)
    x = np.where(common, rows, 0.0)
    y = np.where(common, one, 0.0)
    x = np.where(common, x - (x.sum(axis=1) / divisor)[:, None], 0.0)
    y = np.where(common, y - (y.sum(axis=1) / divisor)[:, None], 0.0)
    size = (x * x).sum(axis=1) * (y * y).sum(axis=1)
    with np.errstate(all="ignore"):
        squared = (x * y).sum(axis=1) ** 2 / size
    return np.where((count >= LEAST_COMMON) & (size > 0), np.nan_to_num(squared), 0.0)
