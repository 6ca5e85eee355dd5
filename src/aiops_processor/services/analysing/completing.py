"""When a report that went out without its model is completed: how often and how long the model is asked again. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(seconds=180)
LONGEST_ASKED = timedelta(minutes=10)


@dataclass(frozen=True)
class Completing:
    """For so long after the first failure; each wait is twice the one before, up to the longest. Zero is never."""

    within: timedelta = timedelta(minutes=15)

    def next_try(self, since: datetime, now: datetime, tried: int, asked: float | None = None) -> datetime | None:
        """When the model is asked again, None for never: its time is up.

        `since` is the first failure, `tried` how often it was asked again, `asked` the seconds that it asked for (ten
        minutes are waited at most). The last try is at the very end.
        """
        last = since + self.within
        if now >= last:
            return None
        wait = min(FIRST_WAIT * 2 ** min(tried, 10), LONGEST_WAIT)
        return min(now + max(wait, min(timedelta(seconds=asked or 0), LONGEST_ASKED)), last)
