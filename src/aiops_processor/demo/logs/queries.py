"""Log and metric queries of LogQL over a LogStore."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import promql_parser as ast

from aiops_processor.demo.evaluation.aggregation import group_key
from aiops_processor.demo.evaluation.calls import Call
from aiops_processor.demo.evaluation.dialect import Dialect
from aiops_processor.demo.evaluation.range_functions import RANGE_FUNCTIONS
from aiops_processor.demo.evaluation.selection import Borders, windows
from aiops_processor.demo.evaluation.syntax import bare, parsed
from aiops_processor.demo.evaluation.vectors import BadQuery, ExecutionError, Ints, Scalar, Value, Vector
from aiops_processor.demo.labels import Labels, written
from aiops_processor.demo.logql import LINE_OPERATIONS, LogQuery, MetricQuery, RangeAggregation
from aiops_processor.demo.logs.stages import Record
from aiops_processor.demo.logs.store import NANOSECONDS, LogStore
from aiops_processor.demo.logs.tokens import LogQLError
from aiops_processor.demo.promql import evaluated_around
from aiops_processor.demo.recording import Series

PIPELINE_ERROR = (
    "pipeline error: '{kind}' for series: '{series}'.\n"
    'Use a label filter to intentionally skip this error. (e.g | __error__!="{kind}").\n'
    'To skip all potential errors you can match empty errors.(e.g __error__="")\n'
    'The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__="" )\n'
)
# LogQL's own rules are few here; of PromQL's versions it has the borders of the newest.
DIALECT = Dialect.of("3.0")


@dataclass(frozen=True, slots=True)
class Found:
    """A line that passed a query. `stream` are the labels of its stream as stored, or what `drop` and `keep` left."""

    ns: int
    order: int
    record: Record


def found_lines(store: LogStore, query: LogQuery, start: int, end: int) -> Iterator[Found]:
    """The lines of `start <= time < end` (nanoseconds) that pass, stream after stream."""
    for labels, lines in store.lines(query.selector.matches, start, end):
        for line in lines:
            record = Record(line.text, dict(labels), dict(line.metadata))
            if all(stage(record) for stage in query.stages):
                yield Found(line.ns, line.number, record)


def newest_lines(store: LogStore, query: LogQuery, start: int, end: int, limit: int, *, forward: bool) -> list[Found]:
    """At most `limit` lines, in the direction's order over all streams."""
    found = sorted(found_lines(store, query, start, end), key=lambda one: (one.ns, one.order), reverse=not forward)
    return found[:limit]


def metric_value(store: LogStore, query: MetricQuery, steps: Ints) -> Value:
    """The query's value at each step (nanoseconds). Raises LogQLError."""
    try:
        parts = {**query.parts, **_summed_early(query)}
        vectors = {name: _range_vector(store, part, steps) for name, part in parts.items()}
        value = evaluated_around(query.promql, vectors, steps)
    except (BadQuery, ExecutionError) as error:
        raise LogQLError(f"parse error : {error}") from error
    if not isinstance(value, Scalar | Vector):
        raise LogQLError("parse error : syntax error: unexpected STRING")
    return value


def bytes_read(store: LogStore, query: LogQuery | MetricQuery, start: int, end: int) -> int:
    """The bytes of all lines of the streams that the query selects; `start <= time < end` are those of its answer."""
    if isinstance(query, LogQuery):
        return _bytes_of(store, query, start, end)
    parts = query.parts.values()
    return sum(_bytes_of(store, part.query, start - part.offset - part.range, end - part.offset) for part in parts)


def _bytes_of(store: LogStore, query: LogQuery, start: int, end: int) -> int:
    found = store.lines(query.selector.matches, start, end)
    return sum(len(line.text.encode()) for _, lines in found for line in lines)


def _summed_early(query: MetricQuery) -> dict[str, RangeAggregation]:
    """Range aggregations right inside a `sum`: grouped as the sum groups, for unparsed lines are a series each."""
    early: dict[str, RangeAggregation] = {}

    def visit(node: Any) -> None:
        inner = bare(node.expr) if isinstance(node, ast.AggregateExpr) and str(node.op) == "sum" else None
        name = inner.name or "" if isinstance(inner, ast.VectorSelector) else ""
        part = query.parts.get(name)
        if part is not None and part.operation in LINE_OPERATIONS:
            early[name] = replace(part, group=lambda labels: group_key(node.modifier, part.group(labels)))

    ast.walk(parsed(query.promql), pre_visit=visit)
    return early


def _range_vector(store: LogStore, part: RangeAggregation, steps: Ints) -> Vector:
    ends = steps - part.offset
    starts = ends - part.range
    series = _series(store, part, int(starts.min()) + 1, int(ends.max()) + 1)
    samples = windows(series, starts, ends, steps, borders=Borders(left_open=True), seen=int(ends.max()))
    arguments = [samples] if part.quantile is None else [Scalar(np.full(len(steps), part.quantile)), samples]
    name = part.operation if part.unwrap and part.operation != "rate" else "sum_over_time"
    value = RANGE_FUNCTIONS[name](Call(list(arguments), [], steps, DIALECT))
    assert isinstance(value, Vector)  # noqa: S101 — range functions make vectors
    if part.operation in {"rate", "bytes_rate"}:
        return Vector(value.labels, value.values / (part.range / NANOSECONDS), value.present)
    return value


def _series(store: LogStore, part: RangeAggregation, start: int, end: int) -> list[Series]:
    """One series a label set: at each line's time its value, its size or 1."""
    groups: dict[Labels, list[tuple[int, float]]] = {}
    sizes = part.operation.startswith("bytes")
    for one in found_lines(store, part.query, start, end):
        _refuse_errors(one.record)
        value = float(len(one.record.line.encode())) if sizes else one.record.value
        groups.setdefault(part.group(one.record.labels()), []).append((one.ns, value))
    return [_one_series(labels, sorted(points)) for labels, points in groups.items()]


def _one_series(labels: Labels, points: list[tuple[int, float]]) -> Series:
    times = np.array([ns for ns, _ in points], dtype=np.int64)
    return Series(labels, times, np.array([value for _, value in points]))


def _refuse_errors(record: Record) -> None:
    kind = record.parsed.get("__error__")
    if kind:
        raise LogQLError(PIPELINE_ERROR.format(kind=kind, series=written(record.labels())))
