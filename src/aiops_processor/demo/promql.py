"""PromQL over a recording: the parser's tree, evaluated with numpy for all steps of a query at once.

What is not implemented is an ExecutionError that names it, never a wrong number.
Semantics are Prometheus' own (promql/engine.go); `tests/conformance/replay` holds them against the real server.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import promql_parser as ast

from aiops_processor.demo.evaluation.aggregation import aggregated
from aiops_processor.demo.evaluation.binary import combined
from aiops_processor.demo.evaluation.dialect import Dialect
from aiops_processor.demo.evaluation.functions import FUNCTIONS, Call
from aiops_processor.demo.evaluation.remarks import remarks
from aiops_processor.demo.evaluation.selection import Borders, Index, newest, windows
from aiops_processor.demo.evaluation.syntax import bare, parsed
from aiops_processor.demo.evaluation.vectors import (
    BadQuery,
    ExecutionError,
    Ints,
    Samples,
    Scalar,
    Text,
    Value,
    Vector,
    distinct,
    found,
    merged,
)
from aiops_processor.demo.labels import unnamed
from aiops_processor.demo.recording import MILLISECONDS, Recording, Series

LOOKBACK_INTERVALS = 2.5
DEFAULT_SUBQUERY_STEP = 60.0


@dataclass(frozen=True, slots=True)
class Result:
    """A query's answer: the value for all steps, the steps (milliseconds), and what Prometheus would remark."""

    value: Value
    steps: Ints
    remarks: tuple[str, ...] = ()


class PromQL:
    """Answers queries over one recording.

    `lookback` (seconds) is how old a sample may be to count as current. Prometheus' default is five minutes; recordings
    have no staleness markers, so unless told otherwise it is 2.5 scrape intervals, and a stopped service ends.
    """

    def __init__(self, recording: Recording, lookback: float | None = None) -> None:
        seconds = recording.info.scrape_interval * LOOKBACK_INTERVALS if lookback is None else lookback
        self.index = Index(recording.series)
        self.dialect = Dialect.of(recording.info.prometheus)
        self._lookback = round(seconds * MILLISECONDS)
        self._subquery_step = round(_evaluation_interval(recording) * MILLISECONDS)

    def instant(self, query: str, at: float, seen: float) -> Result:
        """The answer at one time; samples after `seen` do not exist yet (both Unix seconds).

        Raises BadQuery, ExecutionError.
        """
        return self._evaluate(query, np.array([round(at * MILLISECONDS)], dtype=np.int64), seen)

    def range(self, query: str, start: float, end: float, step: float, seen: float) -> Result:
        """The answer at `start`, `start + step`, … up to `end` (Unix seconds). Raises BadQuery, ExecutionError."""
        first, last = round(start * MILLISECONDS), round(end * MILLISECONDS)
        result = self._evaluate(query, np.arange(first, last + 1, round(step * MILLISECONDS), dtype=np.int64), seen)
        if isinstance(result.value, Samples | Text):
            kind = "range vector" if isinstance(result.value, Samples) else "string"
            raise BadQuery(f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector')
        return result

    def _evaluate(self, query: str, steps: Ints, seen: float) -> Result:
        tree = parsed(query)
        evaluation = _Evaluation(
            index=self.index,
            dialect=self.dialect,
            lookback=self._lookback,
            subquery_step=self._subquery_step,
            seen=round(seen * MILLISECONDS),
            start=int(steps[0]),
            end=int(steps[-1]),
        )
        with np.errstate(all="ignore"):  # infinities and NaN are values here, not accidents
            value = evaluation.value(tree, steps)
        if isinstance(value, Vector):
            value = found(value)
        return Result(value, steps, remarks(tree, query, self.dialect))


def evaluated_around(query: str, vectors: Mapping[str, Vector], steps: Ints) -> Value:
    """PromQL whose selectors are names of vectors that are there already, as LogQL's metric queries are.

    Raises BadQuery, ExecutionError.
    """
    tree = parsed(query)
    around = _Evaluation(Index(()), Dialect.of("3.0"), 0, 0, 0, int(steps[0]), int(steps[-1]), vectors)
    with np.errstate(all="ignore"):
        value = around.value(tree, steps)
    return found(value) if isinstance(value, Vector) else value


def _evaluation_interval(recording: Recording) -> float:
    """How often the recorded server evaluated its rules: the step of a subquery that names none."""
    intervals = Counter(float(group.get("interval") or 0) for group in recording.rules.get("groups", []))
    most = intervals.most_common(1)
    return most[0][0] if most and most[0][0] > 0 else DEFAULT_SUBQUERY_STEP


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """One query's walk down its tree; times in milliseconds."""

    index: Index
    dialect: Dialect
    lookback: int
    subquery_step: int
    seen: int
    start: int
    end: int
    given: Mapping[str, Vector] = field(default_factory=dict)

    def value(self, node: Any, steps: Ints) -> Value:
        match node:
            case ast.ParenExpr():
                return self.value(node.expr, steps)
            case ast.VectorSelector() | ast.MatrixSelector() | ast.SubqueryExpr():
                return self._selected(node, steps)
            case ast.Call():
                return self._call(node, steps)
            case ast.AggregateExpr():
                return self._aggregate(node, steps)
            case ast.UnaryExpr() | ast.BinaryExpr():
                return self._operated(node, steps)
            case _:
                return _literal(node, steps)

    def _selected(self, node: Any, steps: Ints) -> Vector | Samples:
        if isinstance(node, ast.SubqueryExpr):
            return self._subquery(node, steps)
        if isinstance(node, ast.MatrixSelector):
            return self._window(node.vector_selector, _milliseconds(node.range), steps)
        return self._current(node, steps)[0]

    def _operated(self, node: Any, steps: Ints) -> Value:
        if isinstance(node, ast.UnaryExpr):
            return _negated(self.value(node.expr, steps))
        return combined(node, self.value(node.lhs, steps), self.value(node.rhs, steps), len(steps))

    def _current(self, selector: ast.VectorSelector, steps: Ints) -> tuple[Vector, Vector]:
        """The newest sample that is not too old, and its time in seconds."""
        if selector.name in self.given:
            return self.given[selector.name], self.given[selector.name]
        values, times = newest(self._window(selector, self.lookback, steps))
        return found(values), found(times)

    def _window(self, selector: ast.VectorSelector, width: int, steps: Ints) -> Samples:
        ends = self._moments(selector.at, selector.offset, steps)
        series = self.index.select(selector)
        return self._cut(series, ends - width, ends, steps)

    def _cut(self, series: list[Series], starts: Ints, ends: Ints, steps: Ints) -> Samples:
        return windows(series, starts, ends, steps, borders=Borders(self.dialect.left_open), seen=self.seen)

    def _moments(self, at: ast.AtModifier | None, offset: timedelta | None, steps: Ints) -> Ints:
        """When a selector looks, for each step."""
        shift = _milliseconds(offset) if offset else 0
        if at is None:
            return steps - shift
        return np.full(len(steps), self._fixed(at) - shift, dtype=np.int64)

    def _fixed(self, at: ast.AtModifier) -> int:
        if at.type == ast.AtModifierType.Start:
            return self.start
        if at.type == ast.AtModifierType.End:
            return self.end
        if at.at is None:
            raise ExecutionError("an @ modifier without a time")
        return round(at.at.timestamp() * MILLISECONDS)

    def _subquery(self, node: ast.SubqueryExpr, steps: Ints) -> Samples:
        ends = self._moments(node.at, node.offset, steps)
        starts = ends - _milliseconds(node.range)
        step = _milliseconds(node.step) or self.subquery_step
        first = step * (int(starts.min()) // step)  # a step that is before the window is left out with its border
        inner = np.arange(first, int(ends.max()) + 1, step, dtype=np.int64)
        value = self.value(node.expr, inner) if len(inner) else None
        series = _as_series(value, inner) if isinstance(value, Vector) else []
        # The inner query has seen no more than it may; what it says at a later step is no sample of the future.
        return windows(series, starts, ends, steps, borders=Borders(self.dialect.left_open), seen=int(ends.max()))

    def _call(self, node: ast.Call, steps: Ints) -> Value:
        name = node.func.name
        if name not in FUNCTIONS:
            raise ExecutionError(f"function {name} is not implemented in the replay")
        if name == "timestamp" and isinstance(selector := bare(node.args[0]), ast.VectorSelector):
            return distinct(self._current(selector, steps)[1].relabelled(unnamed))
        arguments = [self.value(argument, steps) for argument in node.args]
        return FUNCTIONS[name](Call(arguments, list(node.args), steps, self.dialect))

    def _aggregate(self, node: ast.AggregateExpr, steps: Ints) -> Vector:
        vector = self.value(node.expr, steps)
        parameter = None if node.param is None else self.value(node.param, steps)
        if not isinstance(vector, Vector):
            raise ExecutionError("an aggregation wants an instant vector")
        return aggregated(node, vector, parameter)


def _literal(node: Any, steps: Ints) -> Scalar | Text:
    if isinstance(node, ast.NumberLiteral):
        return Scalar(np.full(len(steps), node.val))
    if isinstance(node, ast.StringLiteral):
        return Text(node.val)
    raise ExecutionError(f"not implemented in the replay: {type(node).__name__}")


def _negated(value: Value) -> Value:
    if isinstance(value, Scalar):
        return Scalar(-value.values)
    if isinstance(value, Vector):
        return merged(Vector([unnamed(labels) for labels in value.labels], -value.values, value.present))
    raise ExecutionError("unary minus wants a scalar or an instant vector")


def _as_series(vector: Vector, times: Ints) -> list[Series]:
    return [
        Series(labels, times if present.all() else times[present], values[present])
        for labels, values, present in zip(vector.labels, vector.values, vector.present, strict=True)
    ]


def _milliseconds(duration: timedelta | None) -> int:
    return 0 if duration is None else round(duration / timedelta(milliseconds=1))
