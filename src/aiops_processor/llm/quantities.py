"""Numbers in texts, with what they measure, so that two can be compared: 97 % and 0.97, 1.5 GB and 1500000000."""

import re
from collections.abc import Iterator
from typing import NamedTuple

TOLERANCE = 0.02

_TIMES_OF_DAY = re.compile(
    r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?|\b\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?\b"
)
_NUMBER = re.compile(r"(?<![\w.-])([-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?)\s?(%|[A-Za-zµ]+)?")

_UNITS: dict[str, tuple[str, tuple[float, ...]]] = {
    "k": ("", (1e3,)),
    "M": ("", (1e6,)),
    "G": ("", (1e9,)),
    "%": ("ratio", (0.01,)),
    "percent": ("ratio", (0.01,)),
    "ratio": ("ratio", (1,)),
    # Who writes GB may mean either.
    **{
        f"{prefix}b": ("bytes", (1000.0**power, 1024.0**power)) for power, prefix in enumerate(["", "k", "m", "g", "t"])
    },
    **{f"{prefix}ib": ("bytes", (1024.0**power,)) for power, prefix in enumerate("kmgt", 1)},
    "bytes": ("bytes", (1,)),
    "ns": ("time", (1e-9,)),
    "µs": ("time", (1e-6,)),
    "us": ("time", (1e-6,)),
    "ms": ("time", (1e-3,)),
    **dict.fromkeys(("s", "sec", "second", "seconds"), ("time", (1.0,))),
    **dict.fromkeys(("m", "min", "minute", "minutes"), ("time", (60.0,))),
    **dict.fromkeys(("h", "hour", "hours"), ("time", (3600.0,))),
    **dict.fromkeys(("d", "day", "days"), ("time", (86400.0,))),
}


class Quantity(NamedTuple):
    """A number as written, what it measures ("" where that is not said), and its sizes in the base unit of that."""

    written: float
    measures: str
    sizes: tuple[float, ...]

    def agrees(self, known: "Quantity") -> bool:
        """Whether this is `known` within 2 %. Where one does not say what it measures, its number alone is compared."""
        if self.measures and known.measures:
            same = self.measures == known.measures
            return same and any(_close(a, b) for a in self.sizes for b in known.sizes)
        return any(_close(a, b) for a in (self.written, *self.sizes) for b in (known.written, *known.sizes))


def quantity(number: float, unit: str = "") -> Quantity:
    """A number with its unit. One that is not known measures nothing in particular; `/s` is not looked at."""
    name = unit.strip().removesuffix("/s")
    measures, factors = _UNITS.get(name) or _UNITS.get(name.lower()) or ("", (1,))
    sizes = tuple(number * factor for factor in factors)
    return Quantity(number if measures else sizes[0], measures, sizes)


def quantities(text: str) -> Iterator[Quantity]:
    """Every number of a text but ids (M1, p99, v1.2) and times of day."""
    for number, unit in _NUMBER.findall(_TIMES_OF_DAY.sub(" ", text)):
        yield quantity(float(number.replace(",", "")), unit)


def _close(claimed: float, known: float) -> bool:
    return abs(claimed - known) <= TOLERANCE * abs(known)
