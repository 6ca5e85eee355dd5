"""The bodies of Loki's answers."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from aiops_processor.demo.evaluation.vectors import Ints, Scalar, Value, Vector
from aiops_processor.demo.labels import Labels, labels_of, value_of, written
from aiops_processor.demo.logs.parameters import Span
from aiops_processor.demo.logs.queries import Found
from aiops_processor.demo.logs.store import Line
from aiops_processor.demo.numbers import sample

MILLISECOND = 10**6
STATS: dict[str, Any] = {"summary": {"bytesProcessedPerSecond": 0, "linesProcessedPerSecond": 0, "execTime": 0}}


def aligned_steps(asked: Span, width: int) -> Ints:
    """The steps of a range query: Loki's frontend moves start and end down to multiples of the step."""
    return np.arange(asked.start // width * width, asked.end // width * width + 1, width, dtype=np.int64)


def single_step(moment: int) -> Ints:
    return np.array([moment], dtype=np.int64)


def streams(found: Iterable[Found], *, categorized: bool) -> dict[str, Any]:
    """Log lines by stream.

    Unless labels are categorised, metadata and parsed labels are part of the stream's: almost every line is its own.
    """
    groups: dict[Labels, list[list[Any]]] = {}
    for one in found:
        labels = labels_of(one.record.stream) if categorized else one.record.labels()
        entry: list[Any] = [str(one.ns), one.record.line]
        if categorized:
            kinds = {"structuredMetadata": one.record.metadata, "parsed": one.record.parsed}
            entry.append({kind: labels for kind, labels in kinds.items() if labels})
        groups.setdefault(labels, []).append(entry)
    result = [{"stream": dict(labels), "values": groups[labels]} for labels in sorted(groups, key=written)]
    flags = {"encodingFlags": ["categorize-labels"]} if categorized else {}
    return _success({"resultType": "streams", **flags, "result": result})


def matrix(value: Value, steps: Ints) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    if isinstance(value, Scalar):
        rows.append({"metric": {}, "values": _pairs(steps, value.values)})
    if isinstance(value, Vector):
        for row in sorted(range(len(value.labels)), key=lambda row: value.labels[row]):
            mask = value.present[row]
            pairs = _pairs(steps[mask], value.values[row][mask])
            rows.append({"metric": dict(value.labels[row]), "values": pairs})
    return _success({"resultType": "matrix", "result": rows})


def vector(value: Value, moment: int) -> dict[str, Any]:
    if isinstance(value, Scalar):
        # Milliseconds: Loki forgets to divide.
        return _success({"resultType": "scalar", "result": [moment // MILLISECOND, sample(float(value.values[0]))]})
    rows: list[dict[str, Any]] = []
    if isinstance(value, Vector):
        order = sorted(range(len(value.labels)), key=lambda row: value.labels[row])
        rows = [
            {"metric": dict(value.labels[row]), "value": [_seconds(moment), sample(float(value.values[row, 0]))]}
            for row in order
        ]
    return _success({"resultType": "vector", "result": rows})


def listed(names: list[str]) -> dict[str, Any]:
    """No `data` at all where there is nothing to list."""
    return {"status": "success", "data": names} if names else {"status": "success"}


def volume(streams: Iterable[tuple[Labels, list[Line]]], names: list[str], end: int, limit: int) -> dict[str, Any]:
    """Bytes by the labels that the query speaks of, the largest first."""
    sizes: dict[Labels, int] = {}
    for labels, lines in streams:
        key = tuple((name, value_of(labels, name)) for name in names)
        sizes[key] = sizes.get(key, 0) + sum(len(line.text.encode()) for line in lines)
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:limit]
    moment = -(-end // MILLISECOND) / 1000
    result = [{"metric": dict(labels), "value": [moment, str(size)]} for labels, size in largest]
    return _success({"resultType": "vector", "result": result})


def _success(data: dict[str, Any]) -> dict[str, Any]:
    return {"status": "success", "data": {**data, "stats": STATS}}


def _pairs(steps: Ints, values: np.ndarray) -> list[tuple[float, str]]:
    return [(_seconds(step), sample(value)) for step, value in zip(steps.tolist(), values.tolist(), strict=True)]


def _seconds(ns: int) -> float:
    """With milliseconds; whole seconds without a fraction."""
    milliseconds = ns // MILLISECOND
    return milliseconds // 1000 if milliseconds % 1000 == 0 else milliseconds / 1000
