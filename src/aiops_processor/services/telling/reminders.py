"""Telling again of what still fires and nobody looks after, and telling at last what quiet hours held back."""

from collections.abc import Mapping

from aiops_processor.clock import Clock
from aiops_processor.models.incident import Incident
from aiops_processor.models.notification import Message, Occasion
from aiops_processor.services.telling.routing import Routing
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import outbox
from aiops_processor.storage import reminders as rows
from aiops_processor.storage.database import Connection, Database

SECONDS = 20.0
MOST_INCIDENTS = 500
MOST_ALERTS = 100


class Reminders:
    """Puts into the outbox what is due; a key names each reminder, so that several processes put it once."""

    def __init__(self, database: Database, clock: Clock, routing: Routing) -> None:
        self._database = database
        self._clock = clock
        self._routing = routing

    def use(self, routing: Routing) -> None:
        """From now on by these routes."""
        self._routing = routing

    async def round(self) -> None:
        """Look once. Raises StorageError."""
        now = self._clock.now()
        async with self._database.read() as connection:
            held = await outbox.any_held(connection, now)
            due = await self._due(connection) if self._routing.reminds else {}
        if not held and not due:
            return
        async with self._database.write() as connection:
            await outbox.release(connection, now)
            for (incident_id, channel), number in due.items():
                await outbox.put(connection, incident_id, [channel], Occasion.REMINDED, number, now)

    async def _due(self, connection: Connection) -> Mapping[tuple[int, str], int]:
        """By incident and channel, which reminder is the next; those that were missed are left out."""
        found: dict[tuple[int, str], int] = {}
        before = self._clock.now() - self._routing.soonest
        for incident in await rows.unattended(connection, before, MOST_INCIDENTS):
            told = await outbox.told(connection, incident.id)
            for channel in sorted(set(told) & self._routing.reminds):
                number = await self._number(connection, incident, channel)
                if number > 0 and not await rows.reminded(connection, incident.id, channel, number):
                    found[incident.id, channel] = number
        return found

    async def _number(self, connection: Connection, incident: Incident, channel: str) -> int:
        """How many times as long as the channel waits for a reminder it has been open."""
        now = self._clock.now()
        episodes, _ = await alert_rows.some_of_incident(connection, incident.id, MOST_ALERTS)
        alerts = tuple(episode.alert for episode in episodes)
        message = Message(occasion=Occasion.REMINDED, incident=incident, alerts=alerts, sent_at=now)
        after = self._routing.remind_after(channel, message)
        return int((now - incident.opened_at) / after) if after else 0
