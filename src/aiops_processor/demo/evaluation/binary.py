"""PromQL's binary operators: between scalars, between a scalar and a vector, between vectors by matching labels."""

from collections.abc import Callable
from typing import Any

import numpy as np
import promql_parser as ast

from aiops_processor.demo.evaluation.vectors import (
    Bools,
    ExecutionError,
    Floats,
    Scalar,
    Value,
    Vector,
    found,
    merged,
    no_series,
)
from aiops_processor.demo.labels import NAME, Labels, grouped_rows, labels_of, only, unnamed, value_of, without, written

ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}
COMPARISONS: dict[str, Callable[[Floats, Floats], Bools]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}
SETS = frozenset({"and", "or", "unless"})
Cardinality = ast.VectorMatchCardinality


def combined(node: ast.BinaryExpr, left: Value, right: Value, steps: int) -> Value:
    """`left op right`. Raises ExecutionError where vectors do not match as the operator demands."""
    operator, modifier = str(node.op), node.modifier
    boolean = bool(modifier and modifier.return_bool)
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        return Scalar(_numbers(operator, left.values, right.values))
    if isinstance(left, Vector) and isinstance(right, Scalar):
        return _with_scalar(operator, left, left.values, right.values, boolean=boolean)
    if isinstance(left, Scalar) and isinstance(right, Vector):
        return _with_scalar(operator, right, left.values, right.values, boolean=boolean)
    if not (isinstance(left, Vector) and isinstance(right, Vector)):
        raise ExecutionError("binary expression must contain only scalar and instant vector types")
    if modifier and modifier.fill_values and (modifier.fill_values.lhs, modifier.fill_values.rhs) != (None, None):
        raise ExecutionError("fill modifiers are not implemented in the replay")
    key = _match_key(modifier)
    if operator in SETS:
        return _set_operation(operator, found(left), found(right), key)
    if not left.labels or not right.labels:
        return no_series(steps)
    return _Matching(operator, modifier, key, boolean=boolean).join(left, right)


def _numbers(operator: str, left: Floats, right: Floats) -> Floats:
    if operator in ARITHMETIC:
        return ARITHMETIC[operator](left, right)
    if operator in COMPARISONS:
        return COMPARISONS[operator](left, right).astype(np.float64)
    raise ExecutionError(f"operator {operator} is not implemented in the replay")


def _with_scalar(operator: str, vector: Vector, left: Floats, right: Floats, *, boolean: bool) -> Vector:
    """A comparison without `bool` filters the vector and keeps its own values, on whichever side it stands."""
    values = _numbers(operator, left, right)
    if operator in COMPARISONS and not boolean:
        return Vector(vector.labels, vector.values, vector.present & (values > 0))
    return merged(Vector([unnamed(labels) for labels in vector.labels], values, vector.present))


def _match_key(modifier: ast.BinModifier | None) -> Callable[[Labels], Labels]:
    """The part of the labels by which two sides match."""
    if modifier is None or modifier.matching is None:
        return unnamed
    names = list(modifier.matching.labels)
    if modifier.matching.type == ast.LabelModifierType.Include:
        return lambda labels: only(labels, names)
    return lambda labels: without(labels, [*names, NAME])


def _set_operation(operator: str, left: Vector, right: Vector, key: Callable[[Labels], Labels]) -> Vector:
    if operator == "or":
        extra = right.present & ~_seen(left, key, right)
        return merged(
            Vector(
                left.labels + right.labels,
                np.concatenate([left.values, right.values]),
                np.concatenate([left.present, extra]),
            )
        )
    matched = _seen(right, key, left)
    return Vector(left.labels, left.values, left.present & (matched if operator == "and" else ~matched))


def _seen(vector: Vector, key: Callable[[Labels], Labels], other: Vector) -> Bools:
    """For each series of `other` and each step: has `vector` a series with the same key?"""
    groups = grouped_rows(range(len(vector.labels)), lambda row: key(vector.labels[row]))
    seen = {labels: vector.present[rows].any(axis=0) for labels, rows in groups.items()}
    none = np.zeros(other.values.shape[1], dtype=bool)
    rows = [seen.get(key(labels), none) for labels in other.labels]
    return np.array(rows) if rows else np.zeros(other.present.shape, dtype=bool)


class _Matching:
    """Two vectors joined on equal keys: each series of the many side with the one of the other side."""

    def __init__(self, operator: str, modifier: Any, key: Callable[[Labels], Labels], *, boolean: bool) -> None:
        self._operator = operator
        self._modifier: ast.BinModifier | None = modifier
        self._key = key
        self._boolean = boolean
        card = modifier.card if modifier else Cardinality.OneToOne
        self._one_to_one = card == Cardinality.OneToOne
        self._one_is_left = card == Cardinality.OneToMany

    def join(self, left: Vector, right: Vector) -> Vector:
        many, one = (right, left) if self._one_is_left else (left, right)
        # A step at which one side is empty matches nothing, and raises nothing.
        both = np.logical_and(many.present.any(axis=0), one.present.any(axis=0))
        groups = grouped_rows(range(len(one.labels)), lambda row: self._key(one.labels[row]))
        self._check_one_side(one, groups, both)
        pairs = [(row, match) for row, labels in enumerate(many.labels) for match in groups.get(self._key(labels), ())]
        if not pairs:
            return no_series(many.values.shape[1])
        outer, inner = (list(side) for side in zip(*pairs, strict=True))
        return self._paired(many.rows(outer), one.rows(inner))

    def _check_one_side(self, one: Vector, groups: dict[Labels, list[int]], both: Bools) -> None:
        for key, rows in groups.items():
            twice = np.flatnonzero((one.present[rows].sum(axis=0) > 1) & both)
            if len(twice):
                named = [row for row in rows if one.present[row, twice[0]]][:2]
                side = "left" if self._one_is_left else "right"
                raise ExecutionError(
                    f"found duplicate series for the match group {written(key)} on the {side} hand-side of the "
                    f"operation: [{', '.join(written(one.labels[row]) for row in reversed(named))}];"
                    "many-to-many matching not allowed: matching labels must be unique on one side"
                )

    def _paired(self, many: Vector, one: Vector) -> Vector:
        left, right = (one, many) if self._one_is_left else (many, one)
        present = many.present & one.present
        values = _numbers(self._operator, left.values, right.values)
        if self._operator in COMPARISONS and not self._boolean:
            present = present & (values > 0)
            values = left.values
        if self._one_to_one:
            self._check_one_to_one(many, present)
        labels = [self._labels(mine, other) for mine, other in zip(many.labels, one.labels, strict=True)]
        return merged(
            Vector(labels, values, present),
            "multiple matches for labels: grouping labels must ensure unique matches",
        )

    def _check_one_to_one(self, many: Vector, present: Bools) -> None:
        for rows in grouped_rows(range(len(many.labels)), lambda row: self._key(many.labels[row])).values():
            if np.any(present[rows].sum(axis=0) > 1):
                raise ExecutionError(
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                )

    def _labels(self, many: Labels, one: Labels) -> Labels:
        labels = unnamed(many) if self._operator in ARITHMETIC or self._boolean else many
        matching = self._modifier.matching if self._modifier else None
        if self._one_to_one and matching is not None:
            include = matching.type == ast.LabelModifierType.Include
            labels = only(labels, matching.labels) if include else without(labels, matching.labels)
        extra = (self._modifier.group_labels if self._modifier else None) or []
        if not extra:
            return labels
        return labels_of({**dict(labels), **{name: value_of(one, name) for name in extra}})
