"""What was changed or began anew: processes that started, containers restarted, builds replaced. Pure."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from aiops_processor.evidence.rows import families
from aiops_processor.evidence.rows.entities import COPIES, ENTITY, entity_of
from aiops_processor.evidence.words import describe
from aiops_processor.models.samples import Series

RESTARTED = 20.0
REPLACED = 30.0
"""Scores in the ranking's units, well above what is usual: an event needs no statistics. A new build weighs more."""
AROUND = 120.0
"""A restart so many seconds before the onset still belongs to it."""
SETTLED = 60.0
"""What appears so soon (seconds) after the first sample of all was there before we looked."""

_START = re.compile(r".*start_time_seconds")
_RESTARTS = re.compile(r".*restarts?(_count)?(_total)?")


@dataclass(frozen=True)
class Event:
    """One change of one entity. `at` in seconds; `before` and `after` are builds or counts in words.

    Of a `posted` one `text` says it all, `source` who told us, and `url` where it can be looked at.
    """

    entity: str
    kind: Literal["restart", "version", "posted"]
    at: float
    before: str
    after: str
    score: float
    query: str
    labels: dict[str, str]
    text: str = ""
    url: str = ""
    source: str = ""


def find(series: Sequence[Series], onset: float, end: float) -> list[Event]:
    """The changes that these raw series show, the most telling first.

    Builds are looked for in all of the time, restarts around the onset. What began before the first sample of all was
    seen is no change.
    """
    first = min((each.points[0][0] for each in series if each.points), default=end)
    since = max(onset - AROUND, first)
    found = [*_versions(series, first, end), *_starts(series, since, end), *_restarts(series, since, end)]
    best: dict[tuple[str, str], Event] = {}
    for event in found:
        key = (event.entity, event.kind)
        if event.entity and (key not in best or event.score > best[key].score):
            best[key] = event
    return sorted(best.values(), key=lambda each: (-each.score, each.at, each.entity))


def _starts(series: Sequence[Series], since: float, end: float) -> list[Event]:
    """Processes whose own start time lies in that time."""
    started = []
    for each in series:
        if _START.fullmatch(each.labels.get("__name__", "")):
            times = {value for _, value in each.points if since <= value <= end}
            started.append((each, sorted(times), float(len(times))))
    return _restarted(started, RESTARTED)


def _restarts(series: Sequence[Series], since: float, end: float) -> list[Event]:
    """Counters of restarts that grew in that time."""
    grown = []
    for each in series:
        if _RESTARTS.fullmatch(each.labels.get("__name__", "")):
            points = [(at, value) for at, value in each.points if since <= at <= end]
            times = [at for (_, last), (at, value) in pairwise(points) if value > last]
            grown.append((each, times, max(1.0, points[-1][1] - points[0][1]) if times else 0.0))
    return _restarted(grown, RESTARTED + 1)


def _restarted(found: Sequence[tuple[Series, list[float], float]], score: float) -> list[Event]:
    """Of series, when they say that something restarted, and how often: one event for all copies of an entity."""
    copies: dict[tuple[str, str], list[tuple[float, float, Series]]] = defaultdict(list)
    for each, times, count in found:
        if times:
            copies[entity_of(each.labels), each.labels.get("__name__", "")].append((times[0], count, each))
    events = []
    for group in copies.values():
        first, _, series = min(group, key=lambda copy: copy[0])
        total = sum(count for _, count, _ in group)
        events.append(_event(series, "restart", first, "", f"{total:g}×", score))
    return events


def _versions(series: Sequence[Series], first: float, end: float) -> list[Event]:
    """Builds of an entity that appear after another one was seen, in the same container where there are several."""
    seen: dict[tuple[str, ...], dict[str, list[Series]]] = defaultdict(lambda: defaultdict(list))
    for each in series:
        for name in families.VERSION_LABELS:
            if each.points and each.labels.get(name):
                key = (entity_of(each.labels), each.labels.get("__name__", ""), each.labels.get("container", ""), name)
                seen[key][each.labels[name]].append(each)
    found = []
    for builds in seen.values():
        births = sorted((min(each.points[0][0] for each in group), build) for build, group in builds.items())
        newest_at, newest = births[-1]
        if len(births) > 1 and first + SETTLED < newest_at <= end:
            found.append(_event(builds[newest][0], "version", newest_at, births[-2][1], newest, REPLACED))
    return found


def _event(
    series: Series, kind: Literal["restart", "version"], at: float, before: str, after: str, score: float
) -> Event:
    unsaid = ("__name__", ENTITY, *COPIES)
    labels = {name: value for name, value in series.labels.items() if name not in unsaid}
    query = describe.select(series.labels.get("__name__", ""), labels)
    return Event(entity_of(series.labels), kind, at, before, after, score, query, labels)
