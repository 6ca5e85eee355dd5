"""Raw samples → comparable rows: rates, gauges, mean durations and failed shares per entity on one grid. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from aiops_processor.clients.prometheus import Metadata
from aiops_processor.evidence.ranking.kinds import Trouble, trouble_of
from aiops_processor.evidence.rows import edges, families
from aiops_processor.evidence.rows.entities import entity_of
from aiops_processor.evidence.rows.pieces import Piece, alike, grouped, own, pieces_of, shared
from aiops_processor.evidence.rows.rates import Array
from aiops_processor.evidence.words import describe
from aiops_processor.models.samples import Series


@dataclass(frozen=True)
class Row:
    """One thing that was measured over time, and the entity that it is about.

    Rows of one `kind` are comparable between entities; rows of one `family` come from one metric and tell one story.
    `query` shows the row in Prometheus. `call` is (caller, callee) where the labels name both: calls that fail or take
    long are about the callee, for the caller only saw it.
    """

    entity: str
    family: str
    kind: str
    title: str
    unit: str
    query: str
    labels: dict[str, str] = field(default_factory=dict)
    call: tuple[str, str] | None = None
    source: Literal["prometheus", "loki"] = "prometheus"


@dataclass(frozen=True)
class Table:
    """N rows on T cells: `values` is (N, T), NaN where nothing was seen; `times` are the ends of cells in seconds."""

    rows: tuple[Row, ...]
    values: Array
    times: Array


def measure(
    series: Sequence[Series], metadata: Mapping[str, Metadata], grid: Array, rated: Sequence[Series] = ()
) -> Table:
    """The rows of these series on a grid (`rates.grid`). NaN, infinities and names that are no measure are left out.

    `rated` are counters whose values are rates already.
    """
    pieces = pieces_of(series, metadata, grid, rated)
    means = list(_means(pieces.counters, metadata, pieces.entities))
    rows = [
        *_targets(pieces.targets),
        *_gauges(pieces.gauges, metadata, pieces.entities),
        *_counters(pieces.counters, metadata, pieces.entities),
        *means,
        *_ways(means),
        *_endings(pieces.counters, pieces.entities),
    ]
    values = np.vstack([value for _, value in rows]) if rows else np.empty((0, len(grid) - 1))
    every = float(grid[1] - grid[0])  # no cell is narrower than the distance of two scrapes
    shown = (replace(row, query=describe.in_range(row.query, every)) for row, _ in rows)
    return Table(tuple(shown), values, grid[1:])


Measured = tuple[Row, Array]


def _targets(pieces: Iterable[Piece]) -> Iterable[Measured]:
    for entity, group in grouped(pieces, lambda piece: entity_of(piece.labels)).items():
        equal = shared(group)
        yield (
            Row(
                entity,
                "up",
                "up",
                f"targets of {entity} that answer",
                "",
                f"sum({describe.select('up', equal)})",
                equal,
            ),
            _sum([piece.values for piece in group]),
        )


def _gauges(pieces: Iterable[Piece], metadata: Mapping[str, Metadata], entities: set[str]) -> Iterable[Measured]:
    for group in alike(pieces).values():
        metric, equal, entity = group[0].metric, shared(group), entity_of(group[0].labels)
        yield (
            Row(
                entity,
                metric,
                metric,
                describe.title(metric, equal, entity),
                families.unit_of(metric, metadata),
                describe.gauge(metric, equal),
                equal,
                _call(group[0], entities),
            ),
            _mean([piece.values for piece in group]),
        )


def _counters(pieces: Iterable[Piece], metadata: Mapping[str, Metadata], entities: set[str]) -> Iterable[Measured]:
    """Counters that no label splits by how a request ended; sums of durations are read as means instead."""
    plain = [p for p in pieces if not families.ending_of(p.labels) and not p.metric.endswith("_sum")]
    for group in alike(plain).values():
        metric, equal, entity = group[0].metric, shared(group), _whose(group[0])
        unit = families.unit_of(metric, metadata) if not metric.endswith("_count") else ""
        yield (
            Row(
                entity,
                _family(metric),
                metric,
                f"{describe.title(metric, equal, entity)} per second",
                f"{unit}/s",
                describe.rate(metric, equal, native=group[0].native),
                equal,
                _call(group[0], entities),
            ),
            _sum([piece.values for piece in group]),
        )


def _means(pieces: Sequence[Piece], metadata: Mapping[str, Metadata], entities: set[str]) -> Iterable[Measured]:
    """Histograms and summaries: sum over count, per entity, or per pair of caller and callee."""

    def place(piece: Piece) -> tuple[str, str, tuple[str, str] | None, edges.View]:
        view = edges.view_of(piece.metric, piece.labels)
        return entity_of(piece.labels), _family(piece.metric), _call(piece, entities), view

    sums = grouped([p for p in pieces if p.metric.endswith("_sum")], place)
    counts = grouped([p for p in pieces if p.metric.endswith("_count")], place)
    for (entity, base, call, view), group in sums.items():
        if (entity, base, call, view) not in counts:
            continue
        equal = shared(group)
        total = _sum([piece.values for piece in group])
        count = _sum([piece.values for piece in counts[entity, base, call, view]])
        about = f"calls from {call[0]} to {call[1]}" if call else entity
        row = Row(
            call[1] if call else entity,
            base,
            f"{base} mean" if view in ("", *base.split("_")) else f"{base} {view} mean",
            f"mean {base} of {about}",
            families.unit_of(base, metadata),
            describe.mean(base, equal, group[0].native),
            equal,
            call,
        )
        yield row, _ratio(total, count)


def _ways(means: Sequence[Measured]) -> Iterable[Measured]:
    """The time of a call that is not its callee's: what the caller waited, less what the callee took for it.

    It shows a slow network, which neither side can see by itself.
    """
    took = {(row.family, row.call or row.entity): (row, values) for row, values in means if _view(row) == "server"}
    for row, waited in means:
        if row.call is None or _view(row) != "client":
            continue
        theirs = edges.other_view(row.family)
        answered = took.get((theirs, row.call)) or took.get((theirs, row.call[1]))
        if answered is None:
            continue
        title = f"time between {row.call[0]} and {row.call[1]} ({row.family} less {theirs})"
        query = f"({row.query}) - ({answered[0].query})"
        yield replace(row, kind=f"edge latency {row.family}", title=title, query=query), waited - answered[1]


def _view(row: Row) -> edges.View:
    return edges.view_of(row.family, row.labels)


def _endings(pieces: Iterable[Piece], entities: set[str]) -> Iterable[Measured]:
    """Counters split by how requests ended: how many per second each way, and the share that failed."""

    def place(piece: Piece) -> tuple[str, str, tuple[str, str] | None, edges.View]:
        # Both sides of a mesh count every call: what the one saw is not to be added to what the other saw.
        call = _call(piece, entities)
        return _whose(piece), piece.metric, call, edges.view_of(piece.metric, piece.labels) if call else ""

    split = [piece for piece in pieces if families.ending_of(piece.labels)]
    for (entity, metric, call, _), group in grouped(split, place).items():
        yield from _ends(entity, metric, call, group)


def _ends(entity: str, metric: str, call: tuple[str, str] | None, group: Sequence[Piece]) -> Iterable[Measured]:
    equal, family = shared(group), _family(metric)
    about = f"{metric} from {call[0]} to {call[1]}" if call else f"{metric} of {entity}"
    parts = grouped(group, lambda piece: families.ending_of(piece.labels))
    totals = {ending: _sum([piece.values for piece in part]) for ending, part in parts.items()}
    for ending, part in parts.items():
        blamed = call[1] if call and ending != "ok" else entity
        query = describe.rate(metric, equal, describe.endings(part), group[0].native)
        title = f"{about} ({ending}) per second"
        yield Row(blamed, family, f"{metric} {ending}", title, "/s", query, equal, call), totals[ending]
    if "failed" in parts:
        query = describe.share(metric, equal, describe.endings(parts["failed"]), group[0].native)
        title = f"share of {about} that failed"
        share = 100 * _ratio(np.nan_to_num(totals["failed"]), _sum(list(totals.values())))
        blamed = call[1] if call else entity
        yield Row(blamed, family, f"{metric} failed share", title, "%", query, equal, call), share


def _family(metric: str) -> str:
    """The metric that a derived series belongs to: `_count` and `_sum` of a histogram tell its story."""
    return metric.removesuffix("_count").removesuffix("_sum")


def _whose(piece: Piece) -> str:
    """Whom a count of calls is about: failures the callee, all else the caller; other series the one they name."""
    edge = edges.edge_of(piece.labels)
    if edge is None:
        return entity_of(piece.labels)
    return edge[1] if trouble_of(piece.metric) is Trouble.ERRORS else edge[0]


def _call(piece: Piece, entities: set[str]) -> tuple[str, str] | None:
    """(caller, callee) where labels name both, or one names another entity, as series that count calls have it."""
    if edge := edges.edge_of(piece.labels):
        return edge
    entity = entity_of(piece.labels)
    callee = next((v for _, v in sorted(own(piece).items()) if v in entities and v != entity), "")
    return (entity, callee) if callee else None


def _ratio(part: Array, whole: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def _sum(values: Sequence[Array]) -> Array:
    stack = np.vstack(values)
    return np.where(np.isnan(stack).all(axis=0), np.nan, np.nansum(stack, axis=0))


def _mean(values: Sequence[Array]) -> Array:
    stack = np.vstack(values)
    seen = (~np.isnan(stack)).sum(axis=0)
    return np.where(seen > 0, np.nansum(stack, axis=0) / np.maximum(seen, 1), np.nan)
