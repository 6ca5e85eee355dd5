"""Raw series on the grid: counters per second, gauges as they are, each with its target's life in mind. Pure."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from aiops_processor.clients.prometheus import Metadata
from aiops_processor.evidence.rows import families, rates
from aiops_processor.evidence.rows.entities import COPIES, ENTITY, IDENTITY, entity_of, target_of
from aiops_processor.evidence.rows.rates import Array
from aiops_processor.models.samples import Series

K = TypeVar("K", bound=Hashable)
Sample = tuple[Series, Array, Array]


@dataclass(frozen=True)
class Piece:
    """One series on the grid: per second for counters, the value for gauges. `native` as in `Series`."""

    metric: str
    labels: dict[str, str]
    values: Array
    native: bool = False


@dataclass(frozen=True)
class Pieces:
    """All series that measure something, by what they are. `entities` are those of all series."""

    counters: list[Piece]
    gauges: list[Piece]
    targets: list[Piece]
    entities: set[str]


def pieces_of(
    series: Sequence[Series], metadata: Mapping[str, Metadata], edges: Array, rated: Sequence[Series] = ()
) -> Pieces:
    """The series on a grid (`rates.grid`). NaN, infinities and names that are no measure are left out."""
    found = _measured(series, metadata, edges)
    for each in rated:
        times, values = _arrays(each)
        found.entities.add(entity_of(each.labels))
        if len(times):
            piece = Piece(each.labels.get("__name__", ""), each.labels, rates.held(times, values, edges))
            found.counters.append(piece)
    return found


def _measured(series: Sequence[Series], metadata: Mapping[str, Metadata], edges: Array) -> Pieces:
    samples = [(each, *_arrays(each)) for each in series]
    samples = [(each, times, values) for each, times, values in samples if len(times)]
    watched = _watched(samples, edges)
    found = Pieces([], [], [], {entity_of(each.labels) for each, _, _ in samples})
    for each, times, values in samples:
        labels, metric = each.labels, each.labels.get("__name__", "")
        if families.is_noise(metric) or families.is_info(metric) or families.is_moment(metric):
            continue
        if metric == "up":
            found.targets.append(Piece(metric, labels, _answering(times, values, edges)))
        elif families.is_counter(metric, metadata):
            rate = _rate(times, values, edges, watched.get(target_of(labels)))
            found.counters.append(Piece(metric, labels, rate, each.native))
        else:
            found.gauges.append(Piece(metric, labels, rates.held(times, values, edges)))
    return found


def alike(pieces: Iterable[Piece]) -> dict[tuple[str, str, tuple[tuple[str, str], ...]], list[Piece]]:
    """Series that differ only in labels that tell copies apart."""
    return grouped(pieces, lambda piece: (entity_of(piece.labels), piece.metric, tuple(sorted(own(piece).items()))))


def own(piece: Piece) -> dict[str, str]:
    """The labels that say what is measured, not where."""
    return {k: v for k, v in piece.labels.items() if k != "__name__" and k not in IDENTITY and k not in COPIES}


def shared(group: Sequence[Piece]) -> dict[str, str]:
    """The labels that all series of the group have alike."""
    first, *others = (piece.labels for piece in group)
    equal = {k: v for k, v in first.items() if all(each.get(k) == v for each in others)}
    return {k: v for k, v in equal.items() if k not in ("__name__", ENTITY)}


def grouped(pieces: Iterable[Piece], key: Callable[[Piece], K]) -> dict[K, list[Piece]]:
    groups: defaultdict[K, list[Piece]] = defaultdict(list)
    for piece in pieces:
        groups[key(piece)].append(piece)
    return groups


def _arrays(series: Series) -> tuple[Array, Array]:
    points = np.asarray(series.points, dtype=np.float64).reshape(-1, 2)
    points = points[np.isfinite(points[:, 1])]
    return points[:, 0], points[:, 1]


def _watched(samples: Sequence[Sample], edges: Array) -> dict[tuple[str, str], NDArray[np.bool_]]:
    """For each target the cells in which it was scraped: by its `up`, else by any of its samples."""
    ups = [each for each in samples if each[0].labels.get("__name__") == "up"]
    watched: dict[tuple[str, str], NDArray[np.bool_]] = {}
    for series, times, values in ups:
        watched[target_of(series.labels)] = rates.alive(times[values > 0], edges)
    known = set(watched)
    for series, times, _ in samples:
        target = target_of(series.labels)
        if target not in known:
            seen = rates.alive(times, edges)
            watched[target] = watched[target] | seen if target in watched else seen
    return watched


def _rate(times: Array, values: Array, edges: Array, watched: NDArray[np.bool_] | None) -> Array:
    """Per second. While its target is watched, a counter that is not there yet, or no longer, counts nothing."""
    if watched is None or not watched.any():
        return rates.increase(times, values, edges, born=False)
    width = edges[1] - edges[0]
    first_watched = edges[np.argmax(watched)]
    born = bool(times[0] > first_watched + 2 * width)
    rate = rates.increase(times, values, edges, born)
    outside = (edges[1:] <= times[0]) | (edges[:-1] >= times[-1])
    rate[np.isnan(rate) & watched & outside] = 0.0
    return rate


def _answering(times: Array, values: Array, edges: Array) -> Array:
    """`up`, and 0 once it is gone: a target that discovery dropped answers as little as one that is down."""
    up = rates.held(times, values, edges)
    up[np.isnan(up) & (edges[:-1] > times[0])] = 0.0
    return up
