"""Numbers in texts, with what they measure, so that two can be compared: 97 % and 0.97, 1.5 GB and 1500000000."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

TOLERANCE = 0.005
MOST_ROUNDED = 0.12
"""0.87 may be told as 0.9: half a unit of the last digit that is written, but never more than this share."""

# No port is a time: `web-1:9100`, `10.0.0.12:8080`.
TIMES_OF_DAY = re.compile(
    r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|(?<![\w.:])(?<![A-Za-z]-)\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?!\d|:\d)(?:Z\b|\+\d\d:?\d\d\b|\s?[AaPp][Mm]\b)?"
)
NUMBER = re.compile(
    r"(?:(?<![\w.-])|(?<=\d-))(?P<number>[-+]?\d[\d,]*+(?:\.\d++)?+(?:[eE][-+]?\d++)?+)(?!\w*[:_]\w|\.\d|(?:st|nd|rd|th|xx)\b|-?fold)"
    r"[ \u00a0\u202f]?(?P<unit>%|(?!per\b|an?\b|every\b|each\b)[A-Za-zµ]+)?"
    r"(?P<rate>(?:\s+(?!(?:within|in|for|over|during|after|about|around|under|roughly|than)\b)[a-z-]+){0,3}?\s*(?:/|\bper\s+|\bevery\s+|\ban?\s+)(?P<each>second|sec|s|minute|min|m|hour|h)\b)?"
)
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d{1,2}$|[-+]?0,\d+$")
_RATES = {"second": 1.0, "sec": 1.0, "s": 1.0, "minute": 60.0, "min": 60.0, "m": 60.0, "hour": 3600.0, "h": 3600.0}

_UNITS: dict[str, tuple[str, tuple[float, ...]]] = {
    "k": ("", (1e3,)),
    "M": ("", (1e6,)),
    "G": ("", (1e9,)),
    "%": ("ratio", (0.01,)),
    "percent": ("ratio", (0.01,)),
    "percentage": ("ratio", (0.01,)),
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
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), ("time", (1e-3,))),
    **dict.fromkeys(("s", "sec", "second", "seconds"), ("time", (1.0,))),
    **dict.fromkeys(("m", "min", "minute", "minutes"), ("time", (60.0,))),
    **dict.fromkeys(("h", "hour", "hours"), ("time", (3600.0,))),
    **dict.fromkeys(("d", "day", "days"), ("time", (86400.0,))),
}


class Quantity(NamedTuple):
    """A number as written, what it measures ("" where that is not said), and its sizes in the base unit of that.

    `rate`: it is so much a second. `precision` is half a unit of its last digit, as a share of the number.
    """

    written: float
    measures: str
    sizes: tuple[float, ...]
    rate: bool = False
    precision: float = 0.0

    def agrees(self, known: "Quantity") -> bool:
        """Whether this is `known`, within half a percent or as far as it is rounded.

        A rate is never an amount. Where `known` has a unit and this has none, the bare number may be either's.
        Where this has a unit and `known` has none, only a share can be compared: 27 % is 0.27, but 38 ms is not 38.
        """
        if self.rate and not known.rate:
            return False
        if self.measures == known.measures:
            return self._close(self.sizes, known.sizes)
        if self.measures and known.measures:
            return False
        if self.measures:
            return self.measures == "ratio" and self._close(self.sizes, known.sizes)
        return self._close((self.written, *self.sizes), (known.written, *known.sizes))

    def _close(self, claimed: tuple[float, ...], known: tuple[float, ...]) -> bool:
        share = max(TOLERANCE, min(self.precision, MOST_ROUNDED))
        return any(abs(a - b) <= share * abs(b) for a in claimed for b in known)


def quantity(number: float, unit: str = "", precision: float = 0.0) -> Quantity:
    """A number with its unit. One that is not known measures nothing in particular."""
    name, rate = unit.strip(), False
    if name.endswith("/s"):
        name, rate = name.removesuffix("/s"), True
    measures, factors = _UNITS.get(name) or _UNITS.get(name.lower()) or ("", (1,))
    sizes = tuple(number * factor for factor in factors)
    return Quantity(number if measures else sizes[0], measures, sizes, rate, precision)


def quantities(text: str) -> Iterator[Quantity]:
    """Every number of a text but ids (M1, p99, v1.2) and times of day."""
    yield from (quantity_of(found) for found in figures(TIMES_OF_DAY.sub(" ", text)))


def figures(text: str) -> Iterator[re.Match[str]]:
    """Every number; no `4e570` out of a name or a line, which would be infinite and agree with any other."""
    return (found for found in NUMBER.finditer(text) if math.isfinite(float(_with_a_point(found["number"]))))


def _with_a_point(digits: str) -> str:
    """`1,234.5` and, as half of the world writes it, `38,45`."""
    return digits.replace(",", ".") if _DECIMAL_COMMA.match(digits) else digits.replace(",", "")


def quantity_of(found: re.Match[str]) -> Quantity:
    """The number of a match of NUMBER: `228 requests per minute` is 3.8 a second."""
    digits = _with_a_point(found["number"])
    number = float(digits)
    _, _, decimals = digits.partition(".")
    half = 0.5 * 10.0 ** (
        len(digits) - len(digits.rstrip("0")) if abs(number) >= 100 and not decimals else -len(decimals)
    )
    made = quantity(number, found["unit"] or "", half / abs(number) if number else 0.0)
    if not found["rate"]:
        return made
    seconds = _RATES[found["each"]]
    return made._replace(written=made.written / seconds, sizes=tuple(size / seconds for size in made.sizes), rate=True)
