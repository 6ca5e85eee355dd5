"""What Alertmanager never sends: found by asking it, at start and every minute.

It does not send an alert that fired while we were away until its next repeat, nor what `max_alerts` cut off, nor the
resolve of an alert that was silenced after it fired. A reading that fails is no reading: nothing is closed by it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog

from aiops_processor.clients.alertmanager import KnownAlert, Status
from aiops_processor.clock import Clock
from aiops_processor.errors import SourceError
from aiops_processor.models.alert import Alert
from aiops_processor.models.samples import Answer, Series
from aiops_processor.services.receiving.episodes import LATEST_POST
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage.database import Connection, Database
from aiops_processor.storage.tables import storable_key

log = structlog.get_logger(__name__)

PIECE = 1000
FIRING = 'ALERTS{alertstate="firing"}'


@dataclass(frozen=True)
class Patience:
    """How long to wait before something is concluded.

    An alert younger than `adopt_after` (group_wait + group_interval) may still be on its way. One is over when two
    readings `absent_for` apart do not list it. In between `round_seconds` pass.
    """

    adopt_after: timedelta = LATEST_POST
    absent_for: timedelta = timedelta(minutes=5)
    round_seconds: float = 60


class ListsAlerts(Protocol):
    """An Alertmanager. Raises SourceError."""

    async def alerts(
        self, *, active: bool = True, silenced: bool = True, inhibited: bool = True
    ) -> list[KnownAlert]: ...

    async def audible(self) -> set[tuple[str, str]]: ...

    async def status(self) -> Status: ...


class AsksPrometheus(Protocol):
    """A Prometheus. Raises SourceError."""

    async def query(self, expr: str, at: datetime) -> Answer[list[Series]]: ...


class TakesAlerts(Protocol):
    """Stores alerts as if they were posted. Raises StorageError."""

    async def adopt(self, alerts: Sequence[Alert], source: str, receiver: str) -> None: ...


@dataclass
class Absences:
    """Since when (by our readings) an open episode has not been listed; the key is the fingerprint."""

    since: dict[str, datetime] = field(default_factory=dict)

    def note(self, unlisted: Collection[str], now: datetime, absent_for: timedelta) -> list[str]:
        """Remember this reading; returns what has been absent for long enough, over two readings at least."""
        before = self.since
        self.since = {fingerprint: before.get(fingerprint, now) for fingerprint in unlisted}
        return [each for each, first in self.since.items() if each in before and now - first >= absent_for]


@dataclass(frozen=True)
class Reading:
    """What one Alertmanager listed, and since when it runs."""

    listed: list[KnownAlert]
    uptime: datetime


class Missed:
    """Adopts what we were not told of, and closes what is over without our having been told.

    `source` is the configured name under which this Alertmanager's webhooks come.
    """

    def __init__(self, database: Database, takes: TakesAlerts, clock: Clock, source: str = "default") -> None:
        self._database = database
        self._takes = takes
        self._clock = clock
        self._source = source
        self._absences = Absences()
        self.use([], None)

    def use(
        self,
        alertmanagers: Sequence[ListsAlerts],
        prometheus: AsksPrometheus | None,
        receivers: Collection[str] = (),
        patience: Patience | None = None,
    ) -> None:
        """From now on ask these peers; without any nothing is looked for.

        `receivers` are ours by configuration; those that webhooks came from are ours in any case.
        """
        self._alertmanagers = alertmanagers
        self._prometheus = prometheus
        self._receivers = frozenset(receivers)
        self._patience = patience or Patience()

    async def round(self) -> None:
        """One reading of every peer. What one lists is adopted; only what all of them do not list may be closed."""
        now = self._clock.now()
        readings = [await self._read(each) for each in self._alertmanagers]
        answered = [reading for reading in readings if reading is not None]
        if not answered:
            return
        listed = _union(answered)
        async with self._database.read() as connection:
            receivers = self._receivers | await alert_rows.receivers(connection, self._source)
            cut_off = await alert_rows.truncated_since(connection, self._source, now - self._patience.adopt_after)
            known = await alert_rows.open_fingerprints(connection, self._source)
            late = self._patience.adopt_after
            found = await asyncio.to_thread(adoptable, listed, receivers, cut_off, known, now, late)
            missed = {receiver: await self._not_just_ended(connection, each, now) for receiver, each in found.items()}
        for receiver, alerts in missed.items():
            if alerts:
                log.warning("adopted alerts that were never sent", receiver=receiver, alerts=len(alerts))
                await self._takes.adopt(alerts, self._source, receiver)
        if all(reading is not None and self._is_grown(reading, now) for reading in readings):
            await self._close(known - {storable_key(alert.fingerprint) for alert in listed}, now)

    async def _read(self, alertmanager: ListsAlerts) -> Reading | None:
        """None where it does not answer: that is not absence."""
        try:
            status = await alertmanager.status()
            listed, audible = await alertmanager.alerts(), await alertmanager.audible()
            return Reading([_audible(alert, audible) for alert in listed], status.uptime)
        except SourceError as error:
            log.warning("an Alertmanager did not answer; nothing is closed", error=str(error))
            return None

    def _is_grown(self, reading: Reading, now: datetime) -> bool:
        """A young one has forgotten its alerts, not seen their end."""
        return now - reading.uptime >= self._patience.absent_for

    async def _not_just_ended(self, connection: Connection, alerts: Sequence[Alert], now: datetime) -> list[Alert]:
        """Without those whose end came while we asked. One that we took for over fires on from there."""
        keys = {(self._source, alert.fingerprint) for alert in alerts}
        ends = {e.fingerprint: e.ended_at for e in await alert_rows.newest_episodes(connection, keys)}
        going_on: list[Alert] = []
        for alert in alerts:
            end = ends.get(alert.fingerprint)
            if end is None or alert.starts_at > end:
                going_on.append(alert)
            elif now - end >= self._patience.adopt_after:
                going_on.append(alert.model_copy(update={"starts_at": end + timedelta(microseconds=1)}))
        return going_on

    async def _close(self, unlisted: Collection[str], now: datetime) -> None:
        """Close what two readings did not list, and Prometheus does not see firing either."""
        absent = self._absences.note(unlisted, now, self._patience.absent_for)
        firing = await self._firing(now) if absent else None
        if firing is None:
            return
        for first in range(0, len(absent), PIECE):  # the end of a storm: thousands, never all of them in memory
            async with self._database.read() as connection:
                gone = await alert_rows.open_among(connection, self._source, absent[first : first + PIECE])
            over = [ended(each.alert, now) for each in gone if not firing.is_one_of_them(each.alert)]
            if over:
                log.warning("closed alerts whose end was never sent", alerts=len(over))
                await self._takes.adopt(over, self._source, "")

    async def _firing(self, now: datetime) -> "Firing | None":
        """What Prometheus sees firing; None where it does not answer: then nothing is closed."""
        if self._prometheus is None:
            return Firing([])
        try:
            return Firing(series.labels for series in (await self._prometheus.query(FIRING, now)).data)
        except SourceError as error:
            log.warning("nothing closed: Prometheus did not answer", error=str(error))
            return None


class Firing:
    """Series of `ALERTS`, looked up by the labels that they have."""

    def __init__(self, series: Iterable[Mapping[str, str]]) -> None:
        self._values: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
        for labels in series:
            names = tuple(sorted(labels.keys() - {"__name__", "alertstate"}))
            if names:
                self._values[names].add(tuple(labels[name] for name in names))

    def is_one_of_them(self, alert: Alert) -> bool:
        """Alertmanager's has the external labels too, so ours may have more."""
        labels = alert.labels
        return any(
            all(name in labels for name in names) and tuple(labels[name] for name in names) in values
            for names, values in self._values.items()
        )


def adoptable(
    listed: Iterable[KnownAlert],
    receivers: Collection[str],
    cut_off: Collection[str],
    known: Collection[str],
    now: datetime,
    adopt_after: timedelta,
) -> dict[str, list[Alert]]:
    """The alerts that were for us and never came, by receiver.

    Only active ones, of receivers that are ours, and old enough that they cannot be on their way; at
    once where a webhook of that receiver (`cut_off`) said that it left some out.
    """
    found: dict[str, list[Alert]] = {}
    for alert in listed:
        ours = [each.name for each in alert.receivers if each.name in receivers]
        late = now - alert.starts_at >= adopt_after or any(name in cut_off for name in ours)
        if ours and late and alert.status.state == "active" and storable_key(alert.fingerprint) not in known:
            found.setdefault(ours[0], []).append(_alert(alert))
    return found


def ended(alert: Alert, at: datetime) -> Alert:
    """The same alert, over."""
    return alert.model_copy(update={"status": "resolved", "ends_at": max(at, alert.starts_at)})


def _audible(alert: KnownAlert, audible: Collection[tuple[str, str]]) -> KnownAlert:
    """With those of its receivers that may hear of it now: one that a time interval mutes is listed as active too."""
    receivers = [each for each in alert.receivers if (each.name, alert.fingerprint) in audible]
    return msgspec.structs.replace(alert, receivers=receivers)


def _union(readings: Iterable[Reading]) -> list[KnownAlert]:
    """What any of the peers lists; one that is active at one of them is active."""
    found: dict[str, KnownAlert] = {}
    for alert in (alert for reading in readings for alert in reading.listed):
        if alert.fingerprint not in found or alert.status.state == "active":
            found[alert.fingerprint] = alert
    return list(found.values())


def _alert(known: KnownAlert) -> Alert:
    """As its webhook would have said it; Alertmanager's own `endsAt` of a firing alert is only a time-out."""
    return Alert.model_validate(
        {
            "status": "firing",
            "labels": known.labels,
            "annotations": known.annotations,
            "startsAt": known.starts_at,
            "generatorURL": known.generator_url,
            "fingerprint": known.fingerprint,
        }
    )
