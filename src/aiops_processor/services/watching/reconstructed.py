"""What fired and ended while nobody could tell us: Alertmanager forgets it, Prometheus' `ALERTS` still show it.

It is recorded, marked as reconstructed, and never told nor analysed: it is over.
"""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Protocol

import structlog

from aiops_processor.clients.prometheus import Rule
from aiops_processor.clock import Clock
from aiops_processor.models.alert import Alert, fingerprint
from aiops_processor.models.incident import Incident, IncidentState, TimelineEntry, title_of
from aiops_processor.models.samples import Answer, Series
from aiops_processor.services.grouping import joining
from aiops_processor.services.grouping.incidents import grouped_row, not_an_incident
from aiops_processor.services.grouping.joining import Member, place_of
from aiops_processor.services.grouping.own_rules import ties
from aiops_processor.services.grouping.policy import Policy
from aiops_processor.services.watching.missed import FIRING, AsksPrometheus, Patience
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import readings
from aiops_processor.storage.database import Connection, Database, Turn
from aiops_processor.storage.readings import Fired

log = structlog.get_logger(__name__)

BREAK = 4  # intervals between evaluations without a sample: it did not fire in between
USUAL_INTERVAL = timedelta(minutes=1)  # Prometheus' own default, where the rule is not known
SLACK = timedelta(minutes=1)  # by which Alertmanager's times may differ from those of the samples
LEAD = timedelta(minutes=5)  # before what is looked at, so that the beginning of a run is mostly seen
FURTHEST_BACK = timedelta(days=1)
REASON = "reconstructed: Prometheus shows that it fired and ended, and no Alertmanager told us"


class AsksWithRules(AsksPrometheus, Protocol):
    """A Prometheus that knows its rules. Raises SourceError."""

    async def rules(self) -> Answer[list[Rule]]: ...


Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Run:
    """A series of `ALERTS` that fired from then to then; `labels` are without Prometheus' external ones."""

    labels: dict[str, str]
    first: datetime
    last: datetime

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "")


class Reconstructed:
    """Reads `ALERTS` from where the last reading ended, be it before our own end."""

    def __init__(self, database: Database, clock: Clock, source: str = "default") -> None:
        self._database = database
        self._clock = clock
        self._source = source
        self.use(None, Policy(), Patience())

    def use(self, prometheus: AsksWithRules | None, policy: Policy, patience: Patience) -> None:
        """From now on ask this one; without one nothing is looked for."""
        self._prometheus = prometheus
        self._policy = policy
        self._patience = patience

    async def round(self) -> None:
        """One reading. Raises SourceError where Prometheus does not answer: it is read from there the next time."""
        if self._prometheus is None:
            return
        now = self._clock.now()
        until = now - max(self._patience.adopt_after, timedelta(seconds=1))  # what ended since may still be told
        async with self._database.read() as connection:
            since = await readings.read_until(connection, self._source)
        runs = await self._ended(self._prometheus, max(since, now - FURTHEST_BACK), until, now) if since else []
        found = await asyncio.to_thread(self._incidents, await self._unknown(runs))
        async with self._database.write(Turn.RECONSTRUCTING) as connection:
            if since != await readings.read_until(connection, self._source):
                return  # another process was here
            for alerts in found:
                await self._record_incident(connection, alerts, now)
            await readings.set_read_until(connection, self._source, max(until, since or until))

    async def _ended(self, prometheus: AsksWithRules, since: datetime, until: datetime, now: datetime) -> list[Run]:
        """What ended between these two and does not fire again."""
        window, recent = _seconds(now - since + LEAD), _seconds(now - until)
        gone = f"count_over_time({FIRING}[{window}s]) unless count_over_time({FIRING}[{recent}s])"
        names = {series.labels.get("alertname", "") for series in (await prometheus.query(gone, now)).data}
        if not names:
            return []
        one_of = "|".join(re.escape(name) for name in sorted(names))
        ask = f'ALERTS{{alertstate="firing",alertname=~{json.dumps(one_of, ensure_ascii=False)}}}[{window}s]'
        found = (await prometheus.query(ask, now)).data
        rules = (await prometheus.rules()).data
        every = {rule.name: timedelta(seconds=rule.every_seconds) for rule in rules if rule.kind == "alerting"}
        runs = (run for series in found for run in runs_of(series, every.get(series.labels.get("alertname", ""))))
        return [run for run in runs if since <= run.last < until]

    async def _unknown(self, runs: Sequence[Run]) -> list[Run]:
        """Those whose name reached us before, and that are no episode of ours.

        Asked page by page before anything is written: the end of a storm is thousands of runs and of episodes.
        """
        if not runs:
            return []
        slack = min(SLACK, self._patience.adopt_after)
        first, last = min(run.first for run in runs) - slack, max(run.last for run in runs) + slack
        async with self._database.read() as connection:
            names = await readings.known_names(connection, self._source, {run.name for run in runs})
            unknown = Unknown([run for run in runs if run.name in names], slack)
            after = 0
            while page := await readings.fired_between(connection, self._source, first, last, after):
                await asyncio.to_thread(unknown.without, page)
                after = page[-1].id
        return unknown.left()

    def _incidents(self, runs: Iterable[Run]) -> list[list[Alert]]:
        """What belongs together of these."""
        alerts = [alert for alert in map(_alert, runs) if not self._policy.expected.fits(alert)]
        alerts = [alert for alert in alerts if not not_an_incident(alert)]
        members = [self._member(alert) for alert in alerts]
        groups = joining.group(members, {}, self._policy.rules)
        return [[alerts[place] for place, _ in group.new] for group in groups]

    def _member(self, alert: Alert) -> Member:
        own = ties(alert.labels, self._policy.own)
        return Member(self._source, "", place_of(alert.labels), alert.starts_at, own)

    async def _record_incident(self, connection: Connection, alerts: Sequence[Alert], now: datetime) -> None:
        log.warning("recorded alerts that nobody told us of", alerts=len(alerts), about=title_of(alerts))
        over = max(alert.ends_at or now for alert in alerts)
        incident = Incident(
            id=0,
            title=title_of(alerts),
            severity=self._policy.priority.worst(alerts),
            priority=self._policy.priority.of(alerts),
            state=IncidentState.RESOLVED,
            source=self._source,
            group_key="",
            reason=REASON,
            opened_at=min(alert.starts_at for alert in alerts),
            updated_at=now,
            resolved_at=over,
        )
        kept = await incident_rows.create(connection, incident, notify=False)
        await alert_rows.insert_episodes(
            connection, [grouped_row(alert, self._source, kept.id, now, reconstructed=True) for alert in alerts]
        )
        await incident_rows.note(connection, kept.id, TimelineEntry(at=now, kind="note", text=REASON))


class Unknown:
    """Runs of which no episode is known yet.

    An episode's labels are those of its run, with Prometheus' external ones besides: cut down to the names that the
    runs of its alert have, they are looked up.
    """

    def __init__(self, runs: Iterable[Run], slack: timedelta) -> None:
        self._slack = slack
        self._runs: dict[Labels, list[Run]] = defaultdict(list)
        self._names: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for run in runs:
            names = tuple(sorted(run.labels))
            self._runs[_cut(run.labels, names)].append(run)
            self._names[run.name].add(names)

    def without(self, fired: Iterable[Fired]) -> None:
        """Leave out those that are one of these: its labels, and a time in common."""
        for each in fired:
            for names in self._names.get(each.labels.get("alertname", ""), ()):
                runs = self._runs.get(_cut(each.labels, names))
                if runs:
                    runs[:] = [run for run in runs if not self._meet(run, each)]

    def left(self) -> list[Run]:
        return sorted((run for runs in self._runs.values() for run in runs), key=lambda run: run.first)

    def _meet(self, run: Run, fired: Fired) -> bool:
        began_before = fired.starts_at - run.last <= self._slack
        return began_before and (fired.ended_at is None or run.first - fired.ended_at <= self._slack)


def _cut(labels: Mapping[str, str], names: Iterable[str]) -> Labels:
    return tuple((name, labels.get(name, "")) for name in names)


def runs_of(series: Series, every: timedelta | None = None) -> Iterator[Run]:
    """The stretches without a break in which it fired, evaluated `every` so often.

    Where that is not known it is the usual distance of the samples, but no more than Prometheus' default: of an alert
    that fired twice for one evaluation each, the distance is that between the two.
    """
    labels = {name: value for name, value in series.labels.items() if name not in {"__name__", "alertstate"}}
    times = [datetime.fromtimestamp(at, UTC) for at, _ in series.points]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    usual = sorted(gaps)[(len(gaps) - 1) // 2] if gaps else timedelta()
    longest = BREAK * (every or min(usual, USUAL_INTERVAL))
    begin = 0
    for place in range(1, len(times) + 1):
        if place == len(times) or gaps[place - 1] > longest:
            yield Run(labels, times[begin], times[place - 1])
            begin = place


def _alert(run: Run) -> Alert:
    return Alert(
        status="resolved",
        labels=run.labels,
        starts_at=run.first,
        ends_at=run.last,
        fingerprint=fingerprint(run.labels),
    )


def _seconds(span: timedelta) -> int:
    """Whole ones, rounded down: what ended just before `until` must not count as recent, or it is never found."""
    return max(1, int(span.total_seconds()))
