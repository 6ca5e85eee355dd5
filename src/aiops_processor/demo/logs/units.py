"""Durations and sizes as they stand in log lines: `1m30s`, `250ms`, `1.5KiB`."""

import re

S = 10**9
NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": S, "m": 60 * S, "h": 3600 * S, "d": 86400 * S}
NANOSECONDS |= {"w": 7 * NANOSECONDS["d"]}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w)")
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGTP]?)(i?)B?")


def seconds_of(text: str) -> float | None:
    """None where the text is no duration."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text)
    if not rest or DURATION.sub("", rest):
        return None
    # Whole nanoseconds first, as Go has them: 44 ms are 0.044 then, and not a digit more.
    return sign * sum(round(float(number) * NANOSECONDS[unit]) for number, unit in DURATION.findall(rest)) / S


def bytes_of(text: str) -> float | None:
    """None where the text is no size. `KB` is 1000, `KiB` is 1024."""
    match = SIZE.fullmatch(text)
    if match is None:
        return None
    number, prefix, binary = match.groups()
    power = " KMGTP".index(prefix.upper()) if prefix else 0
    return float(number) * (1024 if binary else 1000) ** power
