"""From episodes to incidents: after the commit, serialised, so that a kill in between loses nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from aiops_processor.clock import Clock
from aiops_processor.models.alert import Alert
from aiops_processor.models.incident import Episode, Incident, IncidentState, TimelineEntry, title_of
from aiops_processor.models.notification import Occasion
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import outbox
from aiops_processor.storage.database import Connection, Database

BATCH = 1000
REANALYSE_AFTER = timedelta(seconds=60)
SEVERITIES = ("critical", "page", "error", "high", "warning", "medium", "info", "low", "none", "unknown")

# They say that alerting itself works, or silence others; a person can do nothing about them.
NOT_INCIDENTS = {
    "Watchdog": "the Watchdog fires always: it shows that alerts arrive",
    "InfoInhibitor": "InfoInhibitor only silences other alerts",
}


@dataclass(frozen=True)
class Settling:
    """An incident is analysed `seconds` after its last new alert, at most `most_seconds` after its first."""

    seconds: float = 10
    most_seconds: float = 30

    def due(self, opened_at: datetime, now: datetime) -> datetime:
        return min(now + timedelta(seconds=self.seconds), opened_at + timedelta(seconds=self.most_seconds))


class Incidents:
    """Groups what ingest stored, and ends incidents whose alerts are all over."""

    def __init__(self, database: Database, clock: Clock, channels: Sequence[str], settling: Settling) -> None:
        self._database = database
        self._clock = clock
        self._channels = channels
        self._settling = settling

    async def group(self) -> bool:
        """One batch of new episodes; True where there may be more."""
        async with self._database.write() as connection:
            new = await alert_rows.ungrouped(connection, BATCH)
            unremarkable = [episode.id for episode in new if not_an_incident(episode.alert)]
            if unremarkable:
                await alert_rows.assign(connection, unremarkable, None)
            for episodes in _by_group(episode for episode in new if not not_an_incident(episode.alert)):
                await self._place(connection, episodes)
            for incident in await incident_rows.over(connection):
                await self._resolve(connection, incident)
        return len(new) == BATCH

    async def claim_due(self) -> list[Incident]:
        """Take the incidents whose analysis is due: each is in its next generation afterwards."""
        now = self._clock.now()
        async with self._database.write() as connection:
            due = [i for i in await incident_rows.due(connection, now, BATCH) if i.state != IncidentState.ANALYSING]
            return [await self._claim(connection, incident, now) for incident in due]

    async def open_by_hand(self, alerts: Sequence[Alert], *, notify: bool) -> Incident:
        """An incident that somebody asked for: it does not settle, and Alertmanager does not end it."""
        now = self._clock.now()
        async with self._database.write() as connection:
            opened = await incident_rows.create(
                connection,
                _incident(alerts, "manual", "", now, "asked for through /analyze", manual=True),
                notify=notify,
            )
            await alert_rows.insert_episodes(connection, [_manual_row(a, opened.id, now) for a in _distinct(alerts)])
            await incident_rows.note(connection, opened.id, _entry(now, "opened", opened.reason))
            return await self._claim(connection, opened, now)

    async def _place(self, connection: Connection, episodes: Sequence[Episode]) -> None:
        """Put episodes of one Alertmanager group into its unresolved incident, or into a new one."""
        first = episodes[0]
        now = self._clock.now()
        group = first.group_key or first.alert.fingerprint
        incident = await incident_rows.unresolved_of_group(connection, first.source, group)
        if incident is None:
            incident = await self._open(connection, episodes, group, now)
        else:
            await self._join(connection, incident, episodes, now)
        await alert_rows.assign(connection, [episode.id for episode in episodes], incident.id)

    async def _open(self, connection: Connection, episodes: Sequence[Episode], group: str, now: datetime) -> Incident:
        reason = f"same Alertmanager group {group}" if episodes[0].group_key else "an alert without a group"
        new = _incident([e.alert for e in episodes], episodes[0].source, group, now, reason)
        due_at = self._settling.due(now, now)
        incident = await incident_rows.create(connection, new.model_copy(update={"due_at": due_at}), notify=True)
        await incident_rows.note(connection, incident.id, _entry(now, "opened", f"{_names(episodes)} ({reason})"))
        await outbox.put(connection, incident.id, self._channels, Occasion.OPENED, 0, now)
        return incident

    async def _join(
        self, connection: Connection, incident: Incident, episodes: Sequence[Episode], now: datetime
    ) -> None:
        alerts = [e.alert for e in await alert_rows.of_incident(connection, incident.id)]
        known = {alert.fingerprint for alert in alerts}
        alerts += [e.alert for e in episodes if e.alert.fingerprint not in known]
        changes = {"title": title_of(alerts), "severity": worst(alerts), "updated_at": now}
        if any(e.alert.fingerprint not in known for e in episodes):  # the same alert firing again is nothing new
            changes["due_at"] = self._next_due(incident, now)
        await incident_rows.change(connection, incident.id, **changes)
        await incident_rows.note(connection, incident.id, _entry(now, "joined", f"{_names(episodes)} joined"))

    def _next_due(self, incident: Incident, now: datetime) -> datetime:
        if incident.generation == 0:
            return self._settling.due(incident.opened_at, now)
        return now + max(REANALYSE_AFTER, timedelta(seconds=self._settling.seconds))

    async def _resolve(self, connection: Connection, incident: Incident) -> None:
        now = self._clock.now()
        settled = incident.state in {IncidentState.ANALYSED, IncidentState.FAILED}
        state = IncidentState.RESOLVED if settled else incident.state
        await incident_rows.change(connection, incident.id, resolved_at=now, updated_at=now, state=state)
        await incident_rows.note(connection, incident.id, _entry(now, "resolved", "all of its alerts are over"))
        await outbox.put(connection, incident.id, self._channels, Occasion.RESOLVED, incident.generation, now)

    async def _claim(self, connection: Connection, incident: Incident, now: datetime) -> Incident:
        changes = {"state": IncidentState.ANALYSING, "generation": incident.generation + 1, "due_at": None}
        await incident_rows.change(connection, incident.id, **changes, updated_at=now)
        return incident.model_copy(update=changes)


def not_an_incident(alert: Alert) -> str | None:
    """Why this alert never becomes an incident, None where it may."""
    return NOT_INCIDENTS.get(alert.name)


def worst(alerts: Sequence[Alert]) -> str:
    """The gravest severity among the alerts; one that nobody knows counts as the least."""
    return min((alert.severity for alert in alerts), key=_gravity, default="unknown")


def _gravity(severity: str) -> int:
    return SEVERITIES.index(severity.lower()) if severity.lower() in SEVERITIES else len(SEVERITIES)


def _by_group(episodes: Iterable[Episode]) -> list[list[Episode]]:
    """Episodes by Alertmanager group; one without a group stands alone."""

    def group(episode: Episode) -> tuple[str, str]:
        return (episode.source, episode.group_key or episode.alert.fingerprint)

    return [list(members) for _, members in groupby(sorted(episodes, key=group), key=group)]


def _incident(
    alerts: Sequence[Alert], source: str, group: str, now: datetime, reason: str, *, manual: bool = False
) -> Incident:
    return Incident(
        id=0,
        title=title_of(alerts),
        severity=worst(alerts),
        state=IncidentState.OPEN,
        source=source,
        group_key=group,
        reason=reason,
        opened_at=now,
        updated_at=now,
        manual=manual,
    )


def _manual_row(alert: Alert, incident_id: int, now: datetime) -> dict[str, object]:
    """A source of its own for each incident asked for by hand: it must not meet the episodes of real alerts."""
    return {
        "source": f"manual-{incident_id}",
        "fingerprint": alert.fingerprint,
        "receiver": "",
        "group_key": "",
        "starts_at": alert.starts_at,
        "ended_at": alert.ends_at,
        "first_seen": now,
        "last_seen": now,
        "fired": True,
        "grouped": True,
        "incident_id": incident_id,
        "previous_id": None,
        "alert": alert.model_dump(mode="json", by_alias=True),
    }


def _distinct(alerts: Sequence[Alert]) -> list[Alert]:
    return list({alert.fingerprint: alert for alert in alerts}.values())


def _names(episodes: Sequence[Episode]) -> str:
    return title_of([episode.alert for episode in episodes])


def _entry(now: datetime, kind: str, text: str) -> TimelineEntry:
    return TimelineEntry.model_validate({"at": now, "kind": kind, "text": text})
