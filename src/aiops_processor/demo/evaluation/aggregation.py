"""PromQL aggregations: sum, avg, min, max, count, group, stddev, stdvar, quantile, count_values, topk, bottomk."""

from collections.abc import Callable

import numpy as np
import promql_parser as ast

from aiops_processor.demo.evaluation.vectors import (
    Bools,
    ExecutionError,
    Floats,
    Scalar,
    Text,
    Value,
    Vector,
    found,
    merged,
    no_series,
)
from aiops_processor.demo.evaluation.window_passes import outside
from aiops_processor.demo.labels import NAME, Labels, grouped_rows, labels_of, only, without
from aiops_processor.demo.numbers import plain

Fold = Callable[[Floats, Bools], Floats]
MOST = 2**63


def aggregated(node: ast.AggregateExpr, vector: Vector, parameter: Value | None) -> Vector:
    """The aggregation of `node` over `vector`. Raises ExecutionError."""
    vector = found(vector)
    operator = str(node.op)
    groups = grouped_rows(range(len(vector.labels)), lambda row: group_key(node.modifier, vector.labels[row]))
    if operator in FOLDS:
        return _folded(vector, groups, FOLDS[operator])
    if operator == "quantile" and isinstance(parameter, Scalar):
        return _folded(vector, groups, lambda values, present: _quantile(parameter.values, values, present))
    if operator in {"topk", "bottomk"} and isinstance(parameter, Scalar):
        return _extremes(vector, groups, parameter.values, highest=operator == "topk")
    if operator == "count_values" and isinstance(parameter, Text):
        return _counted_values(vector, groups, parameter.value)
    raise ExecutionError(f"aggregation {operator} is not implemented in the replay")


def group_key(modifier: ast.AggModifier | None, labels: Labels) -> Labels:
    """The labels that remain under `by` or `without`; none where there is neither."""
    if modifier is None:
        return ()
    if modifier.type == ast.AggModifierType.By:
        return only(labels, modifier.labels)
    return without(labels, [*modifier.labels, NAME])


def _folded(vector: Vector, groups: dict[Labels, list[int]], fold: Fold) -> Vector:
    if not groups:
        return no_series(vector.values.shape[1])
    values: list[Floats] = []
    present: list[Bools] = []
    for rows in groups.values():
        mask = vector.present[rows]
        values.append(fold(vector.values[rows], mask))
        present.append(np.logical_or.reduce(mask))
    return Vector(list(groups), np.array(values), np.array(present))


def _sum(values: Floats, present: Bools) -> Floats:
    return np.where(present, values, 0.0).sum(axis=0)


def _count(_values: Floats, present: Bools) -> Floats:
    return present.sum(axis=0).astype(np.float64)


def _average(values: Floats, present: Bools) -> Floats:
    return _sum(values, present) / present.sum(axis=0)


def _variance(values: Floats, present: Bools) -> Floats:
    apart = values - _average(values, present)
    return _average(apart * apart, present)


FOLDS: dict[str, Fold] = {
    "sum": _sum,
    "avg": _average,
    "count": _count,
    # NaN is left out where there is any number, as in Prometheus.
    "min": lambda values, present: np.fmin.reduce(np.where(present, values, np.nan), axis=0),
    "max": lambda values, present: np.fmax.reduce(np.where(present, values, np.nan), axis=0),
    "group": lambda values, _present: np.ones(values.shape[1]),
    "stdvar": _variance,
    "stddev": lambda values, present: np.sqrt(_variance(values, present)),
}


def _quantile(wanted: Floats, values: Floats, present: Bools) -> Floats:
    """Between the two nearest ranks; NaN counts as lowest."""
    ordered = np.take_along_axis(values, _ascending(values, present, nan_rank=0), axis=0)
    count = present.sum(axis=0)
    rank = np.nan_to_num(np.clip(wanted, 0, 1)) * np.maximum(count - 1, 0)
    lower = np.floor(rank).astype(np.int64)
    upper = np.minimum(lower + 1, np.maximum(count - 1, 0))
    weight = rank - lower
    column = np.arange(values.shape[1])
    return outside(wanted, ordered[lower, column] * (1 - weight) + ordered[upper, column] * weight)


def _ascending(values: Floats, present: Bools, nan_rank: int) -> np.ndarray:
    """For each step the rows in order of value: numbers have rank 1, the absent come last."""
    nan = np.isnan(values)
    rank = np.where(present, np.where(nan, nan_rank, 1), 3)
    return np.lexsort((np.where(nan, 0.0, values), rank), axis=0)


def _extremes(vector: Vector, groups: dict[Labels, list[int]], wanted: Floats, *, highest: bool) -> Vector:
    limits = _limits(wanted)
    kept = np.zeros(vector.present.shape, dtype=bool)
    for rows in groups.values():
        values, present = vector.values[rows], vector.present[rows]
        order = _ascending(-values if highest else values, present, nan_rank=2)
        place = np.empty_like(order)
        np.put_along_axis(place, order, np.arange(len(rows))[:, None], axis=0)
        kept[rows] = present & (place < limits)
    result = Vector(vector.labels, vector.values, kept)
    return _by_group_and_value(result, groups, highest=highest) if kept.shape[1] == 1 else result


def _limits(wanted: Floats) -> Floats:
    for value in wanted:
        if np.isnan(value) or abs(value) >= MOST:
            raise ExecutionError(f"Scalar value {plain(float(value))} overflows int64")
    return np.trunc(wanted)


def _by_group_and_value(vector: Vector, groups: dict[Labels, list[int]], *, highest: bool) -> Vector:
    """An instant query's order: group after group, the most extreme first."""
    sign = -1 if highest else 1
    order: list[int] = []
    for rows in groups.values():
        order += sorted(rows, key=lambda row: (np.isnan(vector.values[row, 0]), sign * vector.values[row, 0]))
    return found(vector.rows(order))


def _counted_values(vector: Vector, groups: dict[Labels, list[int]], label: str) -> Vector:
    """How many series have each value; the value stands in the label."""
    steps = vector.values.shape[1]
    labels: list[Labels] = []
    counts: list[Floats] = []
    for key, rows in groups.items():
        values, present = vector.values[rows], vector.present[rows]
        for value in np.unique(values[present]):
            same = present & ((values == value) | (np.isnan(values) & np.isnan(value)))
            labels.append(labels_of({**dict(key), label: plain(float(value))}))
            counts.append(same.sum(axis=0).astype(np.float64))
    if not labels:
        return no_series(steps)
    matrix = np.array(counts)
    return merged(Vector(labels, matrix, matrix > 0))
