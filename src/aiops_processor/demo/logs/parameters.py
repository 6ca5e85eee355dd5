"""Parameters of Loki's HTTP API: times, limits, directions, and the words with which Loki refuses them."""

from dataclasses import dataclass

from aiops_processor.demo.http_answers import Parameters
from aiops_processor.demo.logs.store import NANOSECONDS
from aiops_processor.demo.logs.tokens import LogQLError
from aiops_processor.demo.times import duration_seconds, rfc3339_nanoseconds

DEFAULT_ENTRIES = 100
MOST_POINTS = 11_000
DEFAULT_POINTS = 250
SHORT_NUMBER = 10


@dataclass(frozen=True, slots=True)
class Span:
    """`start <= time < end`, in nanoseconds."""

    start: int
    end: int


def span(given: Parameters, now: int, default_seconds: int = 3600) -> Span:
    """`start`, `end` and `since`; by default the last hour. Raises LogQLError."""
    end = moment(given, "end", now)
    since = given.get("since", "")
    seconds = duration_seconds(since) if since else float(default_seconds)
    if seconds is None:
        raise LogQLError(f"could not parse 'since' parameter: not a valid duration string: \"{since}\"")
    start = moment(given, "start", end - round(seconds * NANOSECONDS))
    if end <= start:
        raise LogQLError("end timestamp must not be before or equal to start time")
    return Span(start, end)


def moment(given: Parameters, name: str, default: int) -> int:
    """Nanoseconds, seconds where the number is short or has a point, or RFC 3339. Raises LogQLError."""
    text = given.get(name, "")
    if not text:
        return default
    if text.removeprefix("-").isdigit():
        return int(text) * (NANOSECONDS if len(text) <= SHORT_NUMBER else 1)
    written = rfc3339_nanoseconds(text)
    if written is not None:
        return written
    seconds = _seconds(text) if "." in text else None
    if seconds is None:
        raise LogQLError(f"could not parse '{name}' parameter: strconv.ParseInt: parsing \"{text}\": invalid syntax")
    return seconds


def _seconds(text: str) -> int | None:
    whole, _, fraction = text.partition(".")
    if not (whole.isdigit() and fraction.isdigit()):
        return None
    # As Loki does: of a fraction only whole milliseconds count… a float holds no more beside ten digits of seconds.
    return int(whole) * NANOSECONDS + round(float(f"0.{fraction}") * 1000) * 10**6


def limit(given: Parameters) -> int:
    text = given.get("limit", "")
    if not text:
        return DEFAULT_ENTRIES
    try:
        number = int(text)
    except ValueError:
        raise LogQLError(f'strconv.Atoi: parsing "{text}": invalid syntax') from None
    if number <= 0:
        raise LogQLError("limit must be a positive value")
    return number


def forward(given: Parameters) -> bool:
    text = given.get("direction", "") or "backward"
    if text.lower() not in {"forward", "backward"}:
        raise LogQLError(f"invalid direction '{text}'")
    return text.lower() == "forward"


def step(given: Parameters, asked: Span) -> int:
    """Nanoseconds; by default a 250th of the span, in whole seconds. Raises LogQLError."""
    text = given.get("step", "")
    if not text:
        return max(1, (asked.end - asked.start) // NANOSECONDS // DEFAULT_POINTS) * NANOSECONDS
    seconds = duration_seconds(text)
    if seconds is None:
        raise LogQLError(f'cannot parse "{text}" to a valid duration')
    if seconds <= 0:
        raise LogQLError("zero or negative query resolution step widths are not accepted. Try a positive integer")
    width = round(seconds * NANOSECONDS)
    if (asked.end - asked.start) / width > MOST_POINTS:
        raise LogQLError(
            "exceeded maximum resolution of 11,000 points per time series. "
            "Try increasing the value of the step parameter"
        )
    return width
