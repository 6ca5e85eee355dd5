"""Is anything unusual, and how sure is the order? Pure.

Quiet times of the same system are asked the same question: what they show by chance is no finding. Where little is
known of quiet times, more is asked for.
"""

import math
from collections.abc import Sequence
from statistics import median

from aiops_processor.evidence.ranking.kinds import Trouble

LIMIT = 1.1
"""A total that is usual in quiet times is smaller, however much is known of them."""
FEW = 12.0
"""Where only so many cells show what is usual, twice as much is asked for; with hundreds it makes no difference."""
MOST = 4.0
"""However little is known, quiet times hardly ever show more."""
ABOVE_REPLAYS = 0.8
"""Replays are shorter than incidents and know less of what is usual: they show a little more."""
OWN_LIMITS = {Trouble.LOGS: 3.0, Trouble.CHANGES: 3.0}
"""Lines 4 or 5 times as different as lines usually are; any restart at the onset and any new build."""

AT_LIMIT = 0.05
"""At most so many quiet windows reach the limit (measured: docs/explanation/ranking.md)."""
TAIL = 4.0
"""Beyond the limit quiet totals become rare with this power (a log-logistic tail)."""
RAREST = 0.01
"""No share smaller than this is claimed: it was measured on about a hundred quiet windows."""
MOVED_ALERT = 0.5
"""Where an alert's own row has moved something did happen: so much of the limit is asked for."""

LEAD = 3.0
BEYOND = 0.8
SMALLEST = 1e-3


def limit(cells: int, replays: Sequence[float]) -> float:
    """The total that at most one in twenty quiet windows reaches.

    `cells` of usual times are known; `replays` are the highest totals when a part of them is ranked as an incident.
    """
    least = min(MOST, LIMIT * (1.0 + (FEW / max(cells, 1)) ** 2))
    usual = ABOVE_REPLAYS * median(replays) if replays else 0.0
    return max(least, usual)


def share(loud: float, limit: float) -> float:
    """The share of quiet windows in which somebody looks as unusual as that, between RAREST and 1."""
    return max(RAREST, 1.0 / (1.0 + (1.0 / AT_LIMIT - 1.0) * (max(loud, 0.0) / limit) ** TAIL))


def confidence(scores: Sequence[float], loud: float, limit: float) -> float:
    """The chance that the first entity is where it began: from how far it leads, and how far it is beyond the limit.

    `scores` are best first, `loud` is the first one's total. Fitted to labelled incidents (docs/explanation/ranking.md
    has the table of what was said and what was true), with every set left out in turn.
    """
    if not scores or scores[0] <= 0:
        return 0.0
    lead = (scores[0] - scores[1]) / scores[0] if len(scores) > 1 else 1.0
    beyond = math.log(max(loud, SMALLEST) / limit)
    return 1.0 / (1.0 + math.exp(-(LEAD * lead + BEYOND * beyond)))
