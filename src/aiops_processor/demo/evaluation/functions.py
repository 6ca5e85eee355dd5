"""Every PromQL function that the replay knows, by name."""

from collections.abc import Callable

import numpy as np

from aiops_processor.demo.evaluation.calendar_functions import CALENDAR_FUNCTIONS
from aiops_processor.demo.evaluation.calls import Call, Function
from aiops_processor.demo.evaluation.histogram import histogram_quantile
from aiops_processor.demo.evaluation.label_functions import LABEL_FUNCTIONS
from aiops_processor.demo.evaluation.range_functions import RANGE_FUNCTIONS
from aiops_processor.demo.evaluation.vectors import Floats, Scalar, Vector, merged, one_series
from aiops_processor.demo.labels import unnamed

__all__ = ["FUNCTIONS", "Call"]


def _each(compute: Callable[[Floats], Floats]) -> Function:
    """A function of each value alone; it drops the metric's name."""

    def call(call: Call) -> Vector:
        return _renamed(call.vector(), compute(call.vector().values))

    return call


def _renamed(vector: Vector, values: Floats) -> Vector:
    return merged(Vector([unnamed(labels) for labels in vector.labels], values, vector.present))


def _round(call: Call) -> Vector:
    nearest = 1.0 / call.scalar(1) if len(call.arguments) > 1 else np.ones(len(call.steps))
    return _renamed(call.vector(), np.floor(call.vector().values * nearest + 0.5) / nearest)


def _clamp(call: Call) -> Vector:
    low, high = call.scalar(1), call.scalar(2)
    vector = call.vector()
    possible = Vector(vector.labels, vector.values, vector.present & ~(high < low))
    return _renamed(possible, np.maximum(low, np.minimum(high, vector.values)))


def _clamp_min(call: Call) -> Vector:
    return _renamed(call.vector(), np.maximum(call.scalar(1), call.vector().values))


def _clamp_max(call: Call) -> Vector:
    return _renamed(call.vector(), np.minimum(call.scalar(1), call.vector().values))


def _sign(values: Floats) -> Floats:
    return np.where(np.isnan(values), values, np.sign(values))


def _vector(call: Call) -> Vector:
    return one_series((), call.scalar(0), np.ones(len(call.steps), dtype=bool))


def _scalar(call: Call) -> Scalar:
    vector = call.vector()
    total = np.where(vector.present, vector.values, 0.0).sum(axis=0)
    return Scalar(np.where(vector.present.sum(axis=0) == 1, total, np.nan))


def _time(call: Call) -> Scalar:
    return Scalar(call.steps / 1000)


def _timestamp(call: Call) -> Vector:
    vector = call.vector()
    return _renamed(vector, np.broadcast_to(call.steps / 1000, vector.values.shape))


def _pi(call: Call) -> Scalar:
    return Scalar(np.full(len(call.steps), np.pi))


def _sorted(*, descending: bool) -> Function:
    """By value, NaN last; of an instant query only, as the series of a range have no one value."""

    def call(call: Call) -> Vector:
        vector = call.vector()
        if len(call.steps) != 1 or not vector.labels:
            return vector
        values = vector.values[:, 0]
        return vector.rows(np.lexsort((-values if descending else values, np.isnan(values))))

    return call


FUNCTIONS: dict[str, Function] = {
    **RANGE_FUNCTIONS,
    **LABEL_FUNCTIONS,
    **CALENDAR_FUNCTIONS,
    "abs": _each(np.abs),
    "acos": _each(np.arccos),
    "acosh": _each(np.arccosh),
    "asin": _each(np.arcsin),
    "asinh": _each(np.arcsinh),
    "atan": _each(np.arctan),
    "atanh": _each(np.arctanh),
    "ceil": _each(np.ceil),
    "clamp": _clamp,
    "clamp_max": _clamp_max,
    "clamp_min": _clamp_min,
    "cos": _each(np.cos),
    "cosh": _each(np.cosh),
    "deg": _each(np.degrees),
    "exp": _each(np.exp),
    "floor": _each(np.floor),
    "histogram_quantile": histogram_quantile,
    "ln": _each(np.log),
    "log10": _each(np.log10),
    "log2": _each(np.log2),
    "pi": _pi,
    "rad": _each(np.radians),
    "round": _round,
    "scalar": _scalar,
    "sgn": _each(_sign),
    "sin": _each(np.sin),
    "sinh": _each(np.sinh),
    "sort": _sorted(descending=False),
    "sort_desc": _sorted(descending=True),
    "sqrt": _each(np.sqrt),
    "tan": _each(np.tan),
    "tanh": _each(np.tanh),
    "time": _time,
    "timestamp": _timestamp,
    "vector": _vector,
}
