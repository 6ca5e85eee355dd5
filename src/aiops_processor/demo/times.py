"""Times and durations as the Prometheus and Loki APIs take them."""

import re
from datetime import datetime

from promql_parser import parse_duration

RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


def unix_seconds(text: str) -> float | None:
    """Unix seconds from a number or RFC 3339 text; None where it is neither."""
    if (nanoseconds := rfc3339_nanoseconds(text)) is not None:
        return nanoseconds / 1e9
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if abs(seconds) < 1e15 else None


def rfc3339_nanoseconds(text: str) -> int | None:
    """Nanoseconds since 1970, exactly; None where the text is no RFC 3339."""
    match = RFC3339.fullmatch(text)
    if match is None:
        return None
    whole, fraction, zone = match.groups()
    try:
        seconds = int(datetime.fromisoformat(whole + zone.replace("Z", "+00:00")).timestamp())
    except ValueError:
        return None
    return seconds * 10**9 + int(((fraction or ".")[1:] + "0" * 9)[:9])


def duration_seconds(text: str) -> float | None:
    """Seconds from a number of them or a duration such as `1m30s`; None where it is neither."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return parse_duration(text).total_seconds()
    except ValueError:
        return None
