"""What PromQL expressions evaluate to, for all steps of a query at once.

A query has T steps (an instant query has one). An instant vector of N series is a matrix of N×T values and a mask
of the same shape that says where there is a value: NaN is a value, absence is not.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops_processor.demo.labels import Labels, grouped_rows

DUPLICATE = "vector cannot contain metrics with the same labelset"

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class ExecutionError(Exception):
    """A query that parses but cannot be answered: Prometheus' 422 `execution`."""


class BadQuery(Exception):
    """A query that cannot be asked like this: Prometheus' 400 `bad_data`."""


class ParseError(BadQuery):
    """A query that does not parse. `position` is the column of the mistake, from 1."""

    def __init__(self, reason: str, position: int = 1) -> None:
        super().__init__(f'invalid parameter "query": 1:{position}: parse error: {reason}')


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number a step. `values`: T."""

    values: Floats


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal."""

    value: str


@dataclass(frozen=True, slots=True)
class Vector:
    """An instant vector. `values` and `present`: N×T; values are anything where not present."""

    labels: list[Labels]
    values: Floats
    present: Bools

    def relabelled(self, change: Callable[[Labels], Labels]) -> "Vector":
        return Vector([change(labels) for labels in self.labels], self.values, self.present)

    def rows(self, indices: Iterable[int]) -> "Vector":
        chosen = list(indices)
        return Vector([self.labels[row] for row in chosen], self.values[chosen], self.present[chosen])


@dataclass(frozen=True, slots=True)
class Samples:
    """A range vector: for each of N series and T steps a window `[low, high)` into the flat arrays of samples.

    `times` are milliseconds; `starts` and `ends` (T) are the windows' nominal borders in milliseconds; `at` (T) is
    when each step is evaluated. The flat arrays end with a sample that belongs to no series.
    """

    labels: list[Labels]
    times: Ints
    values: Floats
    low: Ints
    high: Ints
    starts: Ints
    ends: Ints
    at: Ints

    @property
    def counts(self) -> Ints:
        return self.high - self.low


Value = Scalar | Text | Vector | Samples


def no_series(steps: int) -> Vector:
    return Vector([], np.zeros((0, steps)), np.zeros((0, steps), dtype=bool))


def one_series(labels: Labels, values: Floats, present: Bools) -> Vector:
    return Vector([labels], values.reshape(1, -1), present.reshape(1, -1))


def found(vector: Vector) -> Vector:
    """Without the series that have no value at any step."""
    some = vector.present.any(axis=1)
    return vector if some.all() else vector.rows(np.flatnonzero(some))


def distinct(vector: Vector) -> Vector:
    """The found series, each label set once over the whole query. Raises ExecutionError where two are the same."""
    kept = found(vector)
    if len(set(kept.labels)) < len(kept.labels):
        raise ExecutionError(DUPLICATE)
    return kept


def merged(vector: Vector, duplicate: str = DUPLICATE) -> Vector:
    """Rows of equal labels become one, where no step has both. Raises ExecutionError(duplicate) where one has."""
    groups = grouped_rows(range(len(vector.labels)), lambda row: vector.labels[row])
    if len(groups) == len(vector.labels):
        return vector
    values = np.zeros((len(groups), vector.values.shape[1]))
    present = np.zeros(values.shape, dtype=bool)
    for out, rows in enumerate(groups.values()):
        if np.any(vector.present[rows].sum(axis=0) > 1):
            raise ExecutionError(duplicate)
        for row in rows:
            np.copyto(values[out], vector.values[row], where=vector.present[row])
            present[out] |= vector.present[row]
    return Vector(list(groups), values, present)
