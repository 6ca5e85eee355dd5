"""How long a service asked to be left alone."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_RETRY_AFTER = 24 * 3600.0


def retry_after(headers: Mapping[str, str], text: str = "") -> float | None:
    """Seconds to wait, from `Retry-After` (RFC 9110, 10.2.3), at most a day; None where it says nothing.

    A date is read against the answer's own `Date`, for our clock may differ from the server's. Telegram and Discord
    say it in the text of the answer.
    """
    value = headers.get("retry-after") or _in_text(text)
    try:
        seconds = float(value)
    except ValueError:
        now, then = _date(headers.get("date", "")), _date(value)
        if now is None or then is None:
            return None
        seconds = max(0.0, (then - now).total_seconds())
    return min(seconds, LONGEST_RETRY_AFTER) if seconds >= 0 and not math.isnan(seconds) else None


def _in_text(text: str) -> str:
    try:
        found = json.loads(text)
    except ValueError:
        return ""
    if not isinstance(found, dict):
        return ""
    more = found.get("parameters")
    return str(found.get("retry_after") or (more.get("retry_after") if isinstance(more, dict) else None) or "")


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
