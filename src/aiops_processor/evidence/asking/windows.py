"""The times that are compared. Alerts are late: a rule waits (`for:`), so the onset is sought before `startsAt`."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from aiops_processor.models.evidence import Window

OLDEST = timedelta(days=30)
"""An alert that says it began earlier is not believed: few stores keep raw samples for so long."""
SKEW = timedelta(minutes=5)
"""Clocks of two machines may differ by so much; a later `startsAt` is not believed."""
AFTER = timedelta(minutes=10)
"""How much of an incident is looked at: later samples show the repair and what came of it."""
LONGEST = timedelta(minutes=60)
"""A storm's alerts may start one after the other; past this they are another story."""
SEARCH_SHARE = 0.5
"""The share of the baseline, next to `startsAt`, in which the onset may lie."""
COLUMNS = 240
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


def window_for(starts_at: datetime, now: datetime, baseline_minutes: float = 15) -> Window:
    """Baseline and incident of an alert. A `starts_at` that cannot be believed counts as `now` (see `implausible`)."""
    return window_over([starts_at], now, baseline_minutes)


def window_over(starts: Sequence[datetime], now: datetime, baseline_minutes: float = 15) -> Window:
    """One window for several alerts: from before the first to a while after the last of them."""
    believed = [now if implausible(at, now) else min(at, now) for at in starts] or [now]
    first, last = min(believed), max(believed)
    end = min(now, last + AFTER, first + LONGEST)
    return Window(start=first - timedelta(minutes=baseline_minutes), onset=first, end=max(end, first))


def implausible(starts_at: datetime, now: datetime) -> str | None:
    """Why a `startsAt` is not believed, None where it is."""
    if starts_at > now + SKEW:
        return f"startsAt {starts_at.isoformat()} lies in the future; looked at the time until now instead"
    if starts_at < now - OLDEST:
        return f"startsAt {starts_at.isoformat()} is over {OLDEST.days} days ago; looked at the time until now instead"
    return None


def earliest_onset(window: Window) -> datetime:
    """Before this an onset is not sought: what is left of the baseline must show what is usual."""
    return window.onset - (window.onset - window.start) * SEARCH_SHARE


def step_for(window: Window, interval: float) -> float:
    """Seconds between values: the smallest multiple of the scrape interval that keeps a series under 240 points."""
    span = (window.end - window.start).total_seconds()
    return next((step * interval for step in STEPS if span / (step * interval) <= COLUMNS), STEPS[-1] * interval)


def widened(step: float, window: Window, share: float) -> float:
    """The step where reading one costs this share of what all may: wider where they would cost more together."""
    steps = (window.end - window.start).total_seconds() / step
    return step * max(1, math.ceil(share * steps))
