"""What a Prometheus' history of alerts would have become: incidents, analyses, calls of the model."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol

from aiops_processor.models.alert import Alert, fingerprint
from aiops_processor.models.base import Frozen
from aiops_processor.models.samples import Answer, Series
from aiops_processor.services.grouping import joining
from aiops_processor.services.grouping.incidents import REANALYSE_AFTER, not_an_incident
from aiops_processor.services.grouping.joining import Member, place_of
from aiops_processor.services.grouping.own_rules import ties
from aiops_processor.services.grouping.policy import Policy, Settling
from aiops_processor.services.watching.missed import FIRING
from aiops_processor.services.watching.reconstructed import Run, runs_of

STEP_SECONDS = 60.0
SLICE = timedelta(days=1)
MOST_DAYS = 31


class AsksRange(Protocol):
    """A Prometheus. Raises SourceError."""

    async def query_range(self, expr: str, start: datetime, end: datetime, step: float) -> Answer[list[Series]]: ...


class Estimate(Frozen):
    """`episodes` are firings of single alerts, `analyses` those that their incidents would have had."""

    days: float
    episodes: int
    incidents: int
    analyses: int
    largest: int
    names: tuple[tuple[str, int], ...] = ()


async def history(source: AsksRange, end: datetime, days: float) -> list[Run]:
    """The firings of so many days (31 at most), asked for a day at a time. Raises SourceError.

    A value every minute: what fired for less may not be seen, and the end of each is seen up to five minutes late.
    """
    at = end - min(timedelta(days=days), timedelta(days=MOST_DAYS))
    found: dict[str, Series] = {}
    while at < end:
        until = min(at + SLICE, end)
        for series in (await source.query_range(FIRING, at, until, STEP_SECONDS)).data:
            known = found.setdefault(fingerprint(series.labels), Series(series.labels, []))
            known.points.extend(point for point in series.points if not known.points or point[0] > known.points[-1][0])
        at = until
    every = timedelta(seconds=STEP_SECONDS)
    return [run for series in found.values() for run in runs_of(series, every)]


def estimate(runs: Iterable[Run], days: float, policy: Policy, settling: Settling) -> Estimate:
    """What these firings would have become by the service's own grouping.

    Alertmanager's groups are not known to Prometheus, so that there may be more incidents here than there would be.
    """
    real = sorted(filter(lambda run: _counts(run, policy), runs), key=lambda run: run.first)
    kept = _without_flapping(real, policy.window)
    members = [Member("", "", place_of(run.labels), run.first, ties(run.labels, policy.own)) for run in kept]
    groups = [[kept[place] for place, _ in group.new] for group in joining.group(members, {}, policy.rules)]
    names: dict[str, int] = {}
    for group in groups:
        names[group[0].name] = names.get(group[0].name, 0) + 1
    return Estimate(
        days=days,
        episodes=len(real),
        incidents=len(groups),
        analyses=sum(_analyses(group, settling) for group in groups),
        largest=max(map(len, groups), default=0),
        names=tuple(sorted(names.items(), key=lambda each: (-each[1], each[0]))),
    )


def _counts(run: Run, policy: Policy) -> bool:
    alert = Alert(
        status="resolved",
        labels=run.labels,
        starts_at=run.first,
        ends_at=run.last,
        fingerprint=fingerprint(run.labels),
    )
    return not (policy.expected.fits(alert) or not_an_incident(alert))


def _without_flapping(runs: Sequence[Run], window: timedelta) -> list[Run]:
    """Without what came back so soon after its end that it would have been the same incident."""
    ends: dict[str, datetime] = {}
    kept: list[Run] = []
    for run in runs:
        key = fingerprint(run.labels)
        if key not in ends or run.first - ends[key] > window:
            kept.append(run)
        ends[key] = max(run.last, ends.get(key, run.last))
    return kept


def _analyses(group: Sequence[Run], settling: Settling) -> int:
    """One when it has settled, one more for each later batch of alerts that it did not have."""
    starts = sorted(run.first for run in group)
    count, due = 1, settling.due(starts[0], starts[0])
    for _, start in pairwise(starts):
        if start <= due:
            due = max(due, settling.due(starts[0], start)) if count == 1 else due
            continue
        count += 1
        due = start + max(REANALYSE_AFTER, timedelta(seconds=settling.seconds))
    return count
