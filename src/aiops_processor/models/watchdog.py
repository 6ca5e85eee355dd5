"""The Watchdog: an alert that always fires, so that its silence says that alerting is broken."""

from datetime import datetime, timedelta

from aiops_processor.models.base import Frozen

LEAST_INTERVAL = timedelta(seconds=60)
"""Alertmanagers that stand in for each other tell the same thing within seconds: that is one word, not an interval."""
FIRST_INTERVAL = timedelta(hours=4)
"""What is assumed before an interval has been seen: Alertmanager's own default of `repeat_interval`."""


class Watchdog(Frozen):
    """One alert that we expect to hear of again and again. `heard_at` is when we last did.

    `counted_at` is when the present word began, from which the next interval is measured; `longest_seconds` is the
    longest interval seen, 0 where there is none; `overdue_since` is None while it is on time; `told` counts the
    silences that people were told of. One that is expected by configuration and has never come has no labels.
    """

    id: int
    source: str
    labels: dict[str, str]
    heard_at: datetime
    counted_at: datetime
    longest_seconds: float = 0
    overdue_since: datetime | None = None
    told: int = 0

    def limit(self, expected: timedelta | None) -> timedelta:
        """How long it may be silent: what is `expected` by configuration, else twice the longest interval seen."""
        if expected is not None:
            return expected
        return 2 * (timedelta(seconds=self.longest_seconds) if self.longest_seconds else FIRST_INTERVAL)

    def after(self, heard_at: datetime, listening_since: datetime) -> "Watchdog":
        """The same, heard of again. An interval counts when we listened all the while and it was not overdue."""
        interval = heard_at - self.counted_at
        if interval < LEAST_INTERVAL:
            return self.model_copy(update={"heard_at": heard_at})
        counts = self.overdue_since is None and self.counted_at >= listening_since
        longest = max(self.longest_seconds, interval.total_seconds()) if counts else self.longest_seconds
        return self.model_copy(update={"heard_at": heard_at, "counted_at": heard_at, "longest_seconds": longest})
