"""What Prometheus and Loki return, as we pass it on: plain values, decoded once at the edge.

msgspec structs and not pydantic models, for a big answer has a million points.
"""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

Point = tuple[float, float]
"""(seconds since the epoch, value); the value may be NaN or ±Inf, as Prometheus says it."""

T = TypeVar("T")


class Series(msgspec.Struct, frozen=True):
    """One time series: its labels (`__name__` among them where there is one) and its points, oldest first.

    `native`: the count or the sum of a native histogram, named as those of a classic one (`x_count`, `x_sum`); for
    Prometheus there is no such series, only `x`.
    """

    labels: dict[str, str]
    points: list[Point]
    native: bool = False


class Entry(msgspec.Struct, frozen=True):
    """One log line. `at` is in seconds since the epoch, `ns` the same in whole nanoseconds as the store keeps it."""

    ns: int
    line: str
    metadata: dict[str, str] = {}

    @property
    def at(self) -> float:
        return self.ns / 1e9


class Stream(msgspec.Struct, frozen=True):
    """Log lines that share their stream labels, in the order of the answer."""

    labels: dict[str, str]
    entries: list[Entry]


class Answer(msgspec.Struct, Generic[T], frozen=True):
    """What a source answered, with the warnings and infos that came along, in its own words; `octets` long."""

    data: T
    warnings: Sequence[str] = ()
    infos: Sequence[str] = ()
    octets: int = 0
