"""PromQL functions of range vectors: rates, changes, regressions and aggregations over time."""

from collections.abc import Callable

import numpy as np

from aiops_processor.demo.evaluation.calls import Call, Function
from aiops_processor.demo.evaluation.vectors import Bools, Floats, Samples, Vector, distinct
from aiops_processor.demo.evaluation.window_passes import Windows, over_windows, quantiles, reduced
from aiops_processor.demo.labels import unnamed


def _result(samples: Samples, values: Floats, present: Bools) -> Vector:
    return distinct(Vector([unnamed(labels) for labels in samples.labels], values, present))


def _extrapolated(*, counter: bool, per_second: bool) -> Function:
    """rate, increase, delta: the change between first and last sample, stretched to the window's borders."""

    def call(call: Call) -> Vector:
        samples = call.samples()
        present = samples.counts >= 2
        first, last = _ends(samples, present)
        change = samples.values[last] - samples.values[first]
        if counter:
            change = change + _lost_in_resets(samples)
        factor = _stretch(samples, first, last, change if counter else None, capped=call.dialect.capped_extrapolation)
        if per_second:
            factor = factor / ((samples.ends - samples.starts) / 1000)
        return _result(samples, change * factor, present)

    return call


def _ends(samples: Samples, present: Bools) -> tuple[np.ndarray, np.ndarray]:
    """The indices of each window's first and last sample; 0 where not present."""
    return np.where(present, samples.low, 0), np.where(present, samples.high - 1, 0)


def _lost_in_resets(samples: Samples) -> Floats:
    """What a counter had before each of its resets inside the window."""
    dropped = np.zeros_like(samples.values)
    dropped[1:] = np.where(samples.values[1:] < samples.values[:-1], samples.values[:-1], 0.0)
    return _inside(np.add, dropped, samples)


def _inside(ufunc: np.ufunc, flat: Floats, samples: Samples) -> Floats:
    """Over what happened between two samples of a window: from the second sample on; 0 with fewer than two."""
    low = np.minimum(samples.low + 1, len(flat) - 1)
    return np.where(samples.counts >= 2, reduced(ufunc, flat, low, samples.high), 0.0)


def _stretch(samples: Samples, first: np.ndarray, last: np.ndarray, change: Floats | None, *, capped: bool) -> Floats:
    """The factor of promql/functions.go's extrapolatedRate. `change` is given for counters: they begin at zero."""
    sampled = (samples.times[last] - samples.times[first]) / 1000
    average = sampled / (samples.counts - 1)
    threshold = average * 1.1
    to_start = (samples.times[first] - samples.starts) / 1000
    to_end = (samples.ends - samples.times[last]) / 1000
    beginning = samples.values[first]
    to_zero = np.full_like(sampled, np.inf)
    if change is not None:
        to_zero = np.where((change > 0) & (beginning >= 0), sampled * (beginning / change), np.inf)
    if capped:
        to_start = np.minimum(np.where(to_start >= threshold, average / 2, to_start), to_zero)
    else:
        to_start = np.minimum(to_start, to_zero)
        to_start = np.where(to_start < threshold, to_start, average / 2)
    to_end = np.where(to_end < threshold, to_end, average / 2)
    return (sampled + to_start + to_end) / sampled


def _instant(*, counter: bool, per_second: bool) -> Function:
    """irate, idelta: of the last two samples."""

    def call(call: Call) -> Vector:
        samples = call.samples()
        present = samples.counts >= 2
        _, last = _ends(samples, present)
        before = np.maximum(last - 1, 0)
        newer, older = samples.values[last], samples.values[before]
        change = np.where(newer < older, newer, newer - older) if counter else newer - older
        seconds = (samples.times[last] - samples.times[before]) / 1000
        return _result(samples, change / seconds if per_second else change, present)

    return call


def _changes(call: Call) -> Vector:
    samples = call.samples()
    changed = np.zeros_like(samples.values)
    newer, older = samples.values[1:], samples.values[:-1]
    changed[1:] = (newer != older) & ~(np.isnan(newer) & np.isnan(older))
    return _result(samples, _inside(np.add, changed, samples), samples.counts > 0)


def _resets(call: Call) -> Vector:
    samples = call.samples()
    fell = np.zeros_like(samples.values)
    fell[1:] = samples.values[1:] < samples.values[:-1]
    return _result(samples, _inside(np.add, fell, samples), samples.counts > 0)


def _reduction(ufunc: np.ufunc) -> Function:
    """sum, min, max over time. `fmin` and `fmax` leave NaN out, as Prometheus does."""

    def call(call: Call) -> Vector:
        samples = call.samples()
        return _result(samples, reduced(ufunc, samples.values, samples.low, samples.high), samples.counts > 0)

    return call


def _average(call: Call) -> Vector:
    samples = call.samples()
    total = reduced(np.add, samples.values, samples.low, samples.high)
    return _result(samples, total / samples.counts, samples.counts > 0)


def _count(call: Call) -> Vector:
    samples = call.samples()
    return _result(samples, samples.counts.astype(np.float64), samples.counts > 0)


def _present(call: Call) -> Vector:
    samples = call.samples()
    return _result(samples, np.ones(samples.low.shape), samples.counts > 0)


def _last(call: Call) -> Vector:
    samples = call.samples()
    present = samples.counts > 0
    return distinct(Vector(samples.labels, samples.values[_ends(samples, present)[1]], present))


def _over(compute: Callable[[Windows], Floats], least: int = 1) -> Function:
    def call(call: Call) -> Vector:
        samples = call.samples()
        return _result(samples, over_windows(samples, compute), samples.counts >= least)

    return call


def _variance(windows: Windows) -> Floats:
    mean = np.add.reduceat(windows.values, windows.starts) / windows.counts
    apart = windows.values - windows.spread(mean)
    return np.add.reduceat(apart * apart, windows.starts) / windows.counts


def _deviation(windows: Windows) -> Floats:
    return np.sqrt(_variance(windows))


def _quantile(call: Call) -> Vector:
    wanted, samples = call.scalar(0), call.samples(1)
    values = over_windows(samples, lambda windows: quantiles(windows, wanted[windows.steps]))
    return _result(samples, values, samples.counts > 0)


def _regression(windows: Windows, origin: np.ndarray) -> tuple[Floats, Floats]:
    """Slope a second and value at `origin` (milliseconds, one a window), as promql/functions.go's linearRegression.

    Sums are kept in extended precision where Prometheus keeps Kahan's: both lose little.
    """
    x = ((windows.times - windows.spread(origin)) / 1000).astype(np.longdouble)
    y = windows.values.astype(np.longdouble)
    count, starts = windows.counts, windows.starts
    sum_x, sum_y = np.add.reduceat(x, starts), np.add.reduceat(y, starts)
    covariance = np.add.reduceat(x * y, starts) - sum_x * sum_y / count
    slope = covariance / (np.add.reduceat(x * x, starts) - sum_x * sum_x / count)
    intercept = sum_y / count - slope * sum_x / count
    constant = np.maximum.reduceat(windows.values, starts) == np.minimum.reduceat(windows.values, starts)
    level = np.where(np.isinf(windows.values[starts]), np.nan, windows.values[starts])
    flat = np.where(np.isinf(level), np.nan, 0.0)
    return (
        np.where(constant, flat, slope.astype(np.float64)),
        np.where(constant, level, intercept.astype(np.float64)),
    )


def _slope(windows: Windows) -> Floats:
    return _regression(windows, windows.times[windows.starts])[0]


def _predict_linear(call: Call) -> Vector:
    samples, ahead = call.samples(), call.scalar(1)

    def compute(windows: Windows) -> Floats:
        slope, intercept = _regression(windows, samples.at[windows.steps])
        return intercept + slope * ahead[windows.steps]

    return _result(samples, over_windows(samples, compute), samples.counts >= 2)


RANGE_FUNCTIONS: dict[str, Function] = {
    "avg_over_time": _average,
    "changes": _changes,
    "count_over_time": _count,
    "delta": _extrapolated(counter=False, per_second=False),
    "deriv": _over(_slope, least=2),
    "idelta": _instant(counter=False, per_second=False),
    "increase": _extrapolated(counter=True, per_second=False),
    "irate": _instant(counter=True, per_second=True),
    "last_over_time": _last,
    "max_over_time": _reduction(np.fmax),
    "min_over_time": _reduction(np.fmin),
    "predict_linear": _predict_linear,
    "present_over_time": _present,
    "quantile_over_time": _quantile,
    "rate": _extrapolated(counter=True, per_second=True),
    "resets": _resets,
    "stddev_over_time": _over(_deviation),
    "stdvar_over_time": _over(_variance),
    "sum_over_time": _reduction(np.add),
}
