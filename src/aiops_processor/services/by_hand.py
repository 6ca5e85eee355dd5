"""What people do by hand: say that they look after an incident, and have failed work done once more."""

from aiops_processor.clock import Clock
from aiops_processor.models.incident import Incident, IncidentState, TimelineEntry
from aiops_processor.models.notification import Occasion
from aiops_processor.models.past import Feedback
from aiops_processor.services.grouping.incidents import COMPLETE
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import outbox
from aiops_processor.storage import past as past_rows
from aiops_processor.storage.database import Connection, Database


def may_be_analysed_again(incident: Incident) -> bool:
    """Only what went wrong is worth the money of a second analysis."""
    lacking = incident.incomplete_since is not None and incident.state != IncidentState.ANALYSING
    return lacking or incident.state == IncidentState.FAILED


class ByHand:
    """Each method gives back None, or False, where there is no such thing. All raise StorageError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def acknowledge(self, incident_id: int, by: str) -> Incident | None:
        """Somebody looks after it. The first who says so stands there; it holds until the incident fires again."""
        async with self._database.write() as connection:
            incident = await incident_rows.get_to_change(connection, incident_id)
            if incident is None or incident.acknowledged_at:
                return incident
            now = self._clock.now()
            values = {"acknowledged_at": now, "acknowledged_by": by}
            await incident_rows.change(connection, incident_id, **values)
            await self._note(connection, incident_id, f"acknowledged{f' by {by}' if by else ''}")
            told = await outbox.telling(connection, incident_id)
            minute = int(now.timestamp() // 60)  # it may be withdrawn, and said again
            await outbox.put(connection, incident_id, told, Occasion.ACKNOWLEDGED, minute, now)
            return incident.model_copy(update=values)

    async def withdraw(self, incident_id: int) -> Incident | None:
        """Nobody looks after it any more."""
        async with self._database.write() as connection:
            incident = await incident_rows.get_to_change(connection, incident_id)
            if incident is None or incident.acknowledged_at is None:
                return incident
            values = {"acknowledged_at": None, "acknowledged_by": ""}
            await incident_rows.change(connection, incident_id, **values)
            await self._note(connection, incident_id, "the acknowledgement was withdrawn")
            return incident.model_copy(update=values)

    async def analyse_again(self, incident_id: int) -> Incident | None:
        """An analysis that failed, or lacks its model, is due once more. Any other is given back as it is."""
        now = self._clock.now()
        async with self._database.write() as connection:
            incident = await incident_rows.get_to_change(connection, incident_id)
            if incident is None or not may_be_analysed_again(incident):
                return incident
            values = {"state": IncidentState.OPEN, "due_at": now, "updated_at": now, **COMPLETE}
            await incident_rows.change(connection, incident_id, **values)
            await self._note(connection, incident_id, "the analysis was asked for once more")
            return incident.model_copy(update=values)

    async def comment(self, incident_id: int, said: Feedback) -> Incident | None:
        """What somebody says of the analysis; it is offered when an incident like this comes again."""
        now = self._clock.now()
        async with self._database.write() as connection:
            incident = await incident_rows.get_to_change(connection, incident_id)
            if incident is None:
                return None
            await past_rows.give(connection, incident_id, said, now)
            by, cause = f" by {said.by}" if said.by else "", f"; the true cause: {said.cause}" if said.cause else ""
            await self._note(connection, incident_id, f"the analysis was called {said.said}{by}{cause}")
            return incident

    async def tell_again(self, delivery_id: int) -> bool:
        """One more try of a message that failed, or of which nobody knows whether it arrived."""
        async with self._database.write() as connection:
            return await outbox.again(connection, delivery_id, self._clock.now())

    async def _note(self, connection: Connection, incident_id: int, text: str) -> None:
        await incident_rows.note(connection, incident_id, TimelineEntry(at=self._clock.now(), kind="note", text=text))
