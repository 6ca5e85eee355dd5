"""Parts of a date, in UTC: of the argument's values, or of the step's time where there is none."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aiops_processor.demo.evaluation.calls import Call, Function
from aiops_processor.demo.evaluation.vectors import Floats, Vector, merged, one_series
from aiops_processor.demo.labels import unnamed

Dates = NDArray[np.datetime64]


def _part(compute: Callable[[Dates], NDArray[np.int64]]) -> Function:
    def call(call: Call) -> Vector:
        if not call.arguments:
            now = call.steps // 1000
            return one_series((), _of(compute, now.astype(np.float64)), np.ones(len(now), dtype=bool))
        vector = call.vector()
        values = _of(compute, vector.values)
        return merged(Vector([unnamed(labels) for labels in vector.labels], values, vector.present))

    return call


def _of(compute: Callable[[Dates], NDArray[np.int64]], seconds: Floats) -> Floats:
    finite = np.isfinite(seconds)
    dates = np.where(finite, seconds, 0).astype(np.int64).astype("datetime64[s]")
    return np.where(finite, compute(dates).astype(np.float64), np.nan)


def _since(unit: str, within: str) -> Callable[[Dates], NDArray[np.int64]]:
    """How many whole units since the larger unit began."""
    return lambda dates: (
        dates.astype(f"datetime64[{unit}]") - dates.astype(f"datetime64[{within}]").astype(f"datetime64[{unit}]")
    ).astype(np.int64)


def _day_of_week(dates: Dates) -> NDArray[np.int64]:
    # 1970-01-01 was a Thursday; Sunday is 0.
    return (dates.astype("datetime64[D]").astype(np.int64) + 4) % 7


def _days_in_month(dates: Dates) -> NDArray[np.int64]:
    month = dates.astype("datetime64[M]")
    return ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)


def _year(dates: Dates) -> NDArray[np.int64]:
    return dates.astype("datetime64[Y]").astype(np.int64) + 1970


CALENDAR_FUNCTIONS: dict[str, Function] = {
    "day_of_month": _part(lambda dates: _since("D", "M")(dates) + 1),
    "day_of_week": _part(_day_of_week),
    "day_of_year": _part(lambda dates: _since("D", "Y")(dates) + 1),
    "days_in_month": _part(_days_in_month),
    "hour": _part(_since("h", "D")),
    "minute": _part(_since("m", "h")),
    "month": _part(lambda dates: _since("M", "Y")(dates) + 1),
    "year": _part(_year),
}
