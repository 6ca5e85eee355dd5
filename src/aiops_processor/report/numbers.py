"""Numbers and times as people read them: three significant digits with the unit that fits."""

import math
from datetime import UTC, datetime

_PERCENT = {"ratio": 100.0, "percent": 1.0, "%": 1.0}
_SECONDS = {"seconds": 1.0, "second": 1.0, "s": 1.0, "milliseconds": 1e-3, "ms": 1e-3}
_BYTES = frozenset({"bytes", "byte", "b"})
_BINARY = (("TiB", 2.0**40), ("GiB", 2.0**30), ("MiB", 2.0**20), ("KiB", 2.0**10))
_DECIMAL = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3))
_DURATIONS = (("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))


def amount(value: float, unit: str = "") -> str:
    """A value with its unit: `0.97, ratio` → `97 %`, `1.5e9, bytes` → `1.4 GiB`, `0.25, seconds` → `250 ms`.

    A unit that ends in `/s` keeps it (`bytes/s` → `1.4 GiB/s`, `/s` → `12/s`); one that is not known stands as it is.
    """
    if math.isnan(value):
        return "no value"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if unit.endswith("/s"):
        return f"{amount(value, unit.removesuffix('/s'))}/s"
    return _with_unit(value, unit)


def change(before: float, after: float, unit: str = "") -> str:
    """Two values of one series: `0 → 12/s`. The unit is said once where both have the same."""
    first, second = amount(before, unit), amount(after, unit)
    if unit == "/s":
        return f"{first.removesuffix('/s')} → {second}"
    number, *suffix = first.split(" ")
    if len(suffix) == 1 and second.split(" ")[1:] == suffix:
        return f"{number} → {second}"
    return f"{first} → {second}"


def duration(seconds: float) -> str:
    """A length of time in its two largest parts: `45 s`, `8 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {name}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part) or "0 s"


def moment(at: datetime) -> str:
    """A point in time, in UTC to the second: `2026-01-31 12:00:00 UTC`."""
    try:
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except OverflowError:  # the last hours of the year 9999, written west of Greenwich
        return at.isoformat(sep=" ")


def clock_time(seconds: float) -> str:
    """Seconds since the epoch as a time of day: `12:03:10 UTC`."""
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S} UTC"


def _with_unit(value: float, unit: str) -> str:
    name = unit.strip().lower()
    if name in _PERCENT:
        return f"{_digits(value * _PERCENT[name])} %"
    if name in _SECONDS:
        return _seconds(value * _SECONDS[name])
    if name in _BYTES:
        return _scaled(value, _BINARY, "B")
    return f"{_plain(value)} {unit.strip()}".strip()


def _plain(value: float) -> str:
    if abs(value) < 1e4:
        return _digits(value)
    return _scaled(value, _DECIMAL, "").replace(" ", "")


def _seconds(value: float) -> str:
    if abs(value) >= 120:
        return duration(abs(value)) if value > 0 else f"-{duration(abs(value))}"
    if value == 0 or abs(value) >= 1:
        return f"{_digits(value)} s"
    name, size = next(((n, s) for n, s in _DURATIONS if abs(value) >= s), _DURATIONS[-1])
    return f"{_digits(value / size)} {name}"


def _scaled(value: float, scales: tuple[tuple[str, float], ...], base: str) -> str:
    rounded = float(f"{value:.3g}")  # 999,900 is 1 M, not 1,000 k
    name, size = next(((name, size) for name, size in scales if abs(rounded) >= size), (base, 1))
    return f"{_digits(value / size)} {name}"


def _digits(value: float) -> str:
    rounded = float(f"{value:.3g}")
    if rounded == 0:
        return "0"
    if abs(rounded) < 1e-4 or abs(rounded) >= 1e15:
        return f"{rounded:.3g}"
    return f"{rounded:,.6f}".rstrip("0").rstrip(".")
