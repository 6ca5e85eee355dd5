"""What fired and ended while nobody could tell us: Alertmanager forgets it, Prometheus' `ALERTS` still show it.

It is recorded, marked as reconstructed, and never told nor analysed: it is over.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Protocol

import structlog

from aiops_processor.clients.prometheus import Rule
from aiops_processor.clock import Clock
from aiops_processor.errors import AiopsError
from aiops_processor.models.alert import Alert, fingerprint
from aiops_processor.models.incident import Episode, Incident, IncidentState, TimelineEntry, title_of
from aiops_processor.models.samples import Answer, Series
from aiops_processor.services import grouping
from aiops_processor.services.grouping import Member, place_of
from aiops_processor.services.incidents import Policy, grouped_row, not_an_incident, stored_member
from aiops_processor.services.missed import FIRING, AsksPrometheus, Patience, is_series_of
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import members as member_rows
from aiops_processor.storage import readings
from aiops_processor.storage.database import Connection, Database, Turn

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

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.round()
            except AiopsError as error:
                log.warning("could not look for alerts that nobody told us of", error=str(error))
            except Exception:  # the loop must not end: what was missed would stay missed
                log.exception("looking for alerts that nobody told us of failed")
            await self._clock.sleep(self._patience.round_seconds)

    async def round(self) -> None:
        """One reading. Raises SourceError where Prometheus does not answer: it is read from there the next time."""
        if self._prometheus is None:
            return
        now = self._clock.now()
        until = now - max(self._patience.adopt_after, timedelta(seconds=1))  # what ended since may still be told
        async with self._database.read() as connection:
            since = await readings.read_until(connection, self._source)
        runs = await self._ended(self._prometheus, max(since, now - FURTHEST_BACK), until, now) if since else []
        async with self._database.write(Turn.RECONSTRUCTING) as connection:
            if since != await readings.read_until(connection, self._source):
                return  # another process was here
            await self._record(connection, await self._unknown(connection, runs), now)
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

    async def _unknown(self, connection: Connection, runs: Sequence[Run]) -> list[Run]:
        """Those whose name reached us before, and that are no episode of ours."""
        if not runs:
            return []
        slack = min(SLACK, self._patience.adopt_after)
        first, last = min(run.first for run in runs), max(run.last for run in runs)
        names = await readings.known_names(connection, self._source, {run.name for run in runs})
        episodes = await readings.fired_between(connection, self._source, first - slack, last + slack)
        return [run for run in runs if run.name in names and not any(_is(run, each, slack) for each in episodes)]

    async def _record(self, connection: Connection, runs: Iterable[Run], now: datetime) -> None:
        alerts = [alert for alert in map(_alert, runs) if not self._policy.expected.fits(alert)]
        alerts = [alert for alert in alerts if not not_an_incident(alert)]
        for group in grouping.group([self._member(alert) for alert in alerts], {}, self._policy.rules):
            await self._record_incident(connection, [alerts[place] for place, _ in group.new], now)

    def _member(self, alert: Alert) -> Member:
        return Member(self._source, "", place_of(alert.labels), alert.starts_at)

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
        await member_rows.keep(connection, {stored_member(self._member(alert), kept.id) for alert in alerts})
        await incident_rows.note(connection, kept.id, TimelineEntry(at=now, kind="note", text=REASON))


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


def _is(run: Run, episode: Episode, slack: timedelta) -> bool:
    """Whether this is the episode: its labels, with the external ones besides, and a time in common."""
    began, ended = episode.alert.starts_at - slack, episode.ended_at
    overlap = began <= run.last and (ended is None or run.first <= ended + slack)
    return overlap and is_series_of(run.labels, episode.alert)


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
