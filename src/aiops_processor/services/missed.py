"""What Alertmanager never sends: found by asking it, at start and every minute.

It does not send an alert that fired while we were away until its next repeat, nor what `max_alerts` cut off, nor the
resolve of an alert that was silenced after it fired. A reading that fails is no reading: nothing is closed by it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from aiops_processor.clients.alertmanager import KnownAlert, Status
from aiops_processor.clock import Clock
from aiops_processor.errors import AiopsError, SourceError
from aiops_processor.models.alert import Alert
from aiops_processor.models.incident import Episode
from aiops_processor.models.samples import Answer, Series
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage.database import Database

log = structlog.get_logger(__name__)

ROUND_SECONDS = 60
ADOPT_AFTER = timedelta(minutes=6)
"""An alert younger than group_wait + group_interval may still be on its way."""
ABSENT_FOR = timedelta(minutes=5)
FIRING = 'ALERTS{alertstate="firing"}'


class ListsAlerts(Protocol):
    """An Alertmanager. Raises SourceError."""

    async def alerts(
        self, *, active: bool = True, silenced: bool = True, inhibited: bool = True
    ) -> list[KnownAlert]: ...

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

    def note(self, unlisted: Collection[str], now: datetime) -> list[str]:
        """Remember this reading; returns what has been absent for long enough, over two readings at least."""
        self.since = {fingerprint: self.since.get(fingerprint, now) for fingerprint in unlisted}
        return [fingerprint for fingerprint, first in self.since.items() if now - first >= ABSENT_FOR]


class Missed:
    """Adopts what we were not told of, and closes what is over without our having been told.

    `source` is the configured name under which this Alertmanager's webhooks come.
    """

    def __init__(
        self,
        database: Database,
        takes: TakesAlerts,
        clock: Clock,
        source: str = "default",
    ) -> None:
        self._database = database
        self._takes = takes
        self._alertmanager: ListsAlerts | None = None
        self._prometheus: AsksPrometheus | None = None
        self._clock = clock
        self._source = source
        self._absences = Absences()

    def use(self, alertmanager: ListsAlerts | None, prometheus: AsksPrometheus | None) -> None:
        """From now on ask these; without an Alertmanager nothing is looked for."""
        self._alertmanager = alertmanager
        self._prometheus = prometheus

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.round()
            except AiopsError as error:
                log.warning("could not look for missed alerts", error=str(error))
            except Exception:  # the loop must not end: missed alerts would stay missed
                log.exception("looking for missed alerts failed")
            await self._clock.sleep(ROUND_SECONDS)

    async def round(self) -> None:
        """One reading. Raises SourceError where Alertmanager does not answer: then nothing is concluded."""
        if self._alertmanager is None:
            return
        now = self._clock.now()
        status = await self._alertmanager.status()
        listed = await self._alertmanager.alerts()
        async with self._database.read() as connection:
            receivers = await alert_rows.receivers(connection, self._source)
            cut_off = await alert_rows.truncated_since(connection, self._source, now - ADOPT_AFTER)
            known = {
                episode.alert.fingerprint: episode for episode in await alert_rows.open_of(connection, self._source)
            }
        for receiver, alerts in adoptable(listed, receivers, cut_off, known, now).items():
            log.warning("adopted alerts that were never sent", receiver=receiver, alerts=len(alerts))
            await self._takes.adopt(alerts, self._source, receiver)
        await self._close(known, listed, status, now)

    async def _close(
        self, known: Mapping[str, Episode], listed: Iterable[KnownAlert], status: Status, now: datetime
    ) -> None:
        """Close what two readings five minutes apart did not list, and Prometheus does not see firing either."""
        absent = self._absences.note(set(known) - {alert.fingerprint for alert in listed}, now)
        if not absent or now - status.uptime < ABSENT_FOR:  # a young one has forgotten its alerts, not seen their end
            return
        over = await self._not_firing([known[fingerprint] for fingerprint in absent], now)
        if over:
            log.warning("closed alerts whose end was never sent", alerts=len(over))
            await self._takes.adopt([ended(episode.alert, now) for episode in over], self._source, "")

    async def _not_firing(self, episodes: Sequence[Episode], now: datetime) -> list[Episode]:
        """Those that Prometheus does not see firing; none where it does not answer."""
        if self._prometheus is None:
            return list(episodes)
        try:
            firing = (await self._prometheus.query(FIRING, now)).data
        except SourceError as error:
            log.warning("nothing closed: Prometheus did not answer", error=str(error))
            return []
        return [episode for episode in episodes if not any(_same(series.labels, episode.alert) for series in firing)]


def adoptable(
    listed: Iterable[KnownAlert],
    receivers: Collection[str],
    cut_off: Collection[str],
    known: Collection[str],
    now: datetime,
) -> dict[str, list[Alert]]:
    """The alerts that were for us and never came, by receiver.

    Only active ones, of receivers that our webhooks came from, and old enough that they cannot be on their way; at
    once where a webhook of that receiver (`cut_off`) said that it left some out.
    """
    found: dict[str, list[Alert]] = {}
    for alert in listed:
        ours = [each.name for each in alert.receivers if each.name in receivers]
        late = now - alert.starts_at >= ADOPT_AFTER or any(name in cut_off for name in ours)
        if ours and late and alert.status.state == "active" and alert.fingerprint not in known:
            found.setdefault(ours[0], []).append(_alert(alert))
    return found


def ended(alert: Alert, at: datetime) -> Alert:
    """The same alert, over."""
    return alert.model_copy(update={"status": "resolved", "ends_at": max(at, alert.starts_at)})


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


def _same(series: Mapping[str, str], alert: Alert) -> bool:
    """Is this series of `ALERTS` the alert? Alertmanager's has the external labels too, so ours may have more."""
    labels = {name: value for name, value in series.items() if name not in {"__name__", "alertstate"}}
    return bool(labels) and all(alert.labels.get(name) == value for name, value in labels.items())
