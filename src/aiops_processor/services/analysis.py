"""The analysis of a stored incident, in steps that each leave their result in the database."""

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import StorageError
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.incident import Incident, IncidentState, TimelineEntry
from aiops_processor.models.notification import Occasion
from aiops_processor.services.analyzer import Analyzer, Explained
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import outbox, spending
from aiops_processor.storage.database import Connection, Database
from aiops_processor.telemetry import Metrics

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 5  # an incident that kills its worker each time must not do so for ever

SKIP, PLAIN, WITH_MODEL = "skip", "plain", "with model"


class Analysis:
    """begin → gather → explain → tell, for one generation of one incident. Every step may be done twice."""

    def __init__(
        self, database: Database, analyzer: Analyzer, clock: Clock, channels: list[str], metrics: Metrics
    ) -> None:
        self._database = database
        self._analyzer = analyzer
        self._clock = clock
        self._channels = channels
        self._metrics = metrics
        self._unsaved: dict[tuple[int, int], Explained] = {}

    def use(self, channels: list[str]) -> None:
        """From now on tell these channels."""
        self._channels = channels

    async def begin(self, incident_id: int, generation: int) -> str:
        """Count the attempt. Returns how to go on: SKIP (given up), PLAIN or WITH_MODEL."""
        async with self._database.write() as connection:
            attempts = await incident_rows.begin_attempt(connection, incident_id, generation)
            if attempts <= MOST_ATTEMPTS:
                return WITH_MODEL if self._analyzer.has_model else PLAIN
            await self._give_up(
                connection, incident_id, f"the analysis was begun {MOST_ATTEMPTS} times and never ended"
            )
        return SKIP

    async def gather(self, incident_id: int, generation: int) -> None:
        """Collect the evidence and store it."""
        report = await self._analyzer.gather(await self._alerts(incident_id))
        async with self._database.write() as connection:
            await incident_rows.save_evidence(connection, incident_id, generation, report)

    async def explain(self, incident_id: int, generation: int) -> None:
        """Write the analysis and store it."""
        alerts = await self._alerts(incident_id)
        today = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        async with self._database.read() as connection:
            incident = await spending.of_incident(connection, incident_id)
            day = await spending.since(connection, today)
        key = (incident_id, generation)
        if key not in self._unsaved:  # else the store was away when it should have been saved: not paid for again
            evidence = await self._evidence(incident_id, generation)
            self._unsaved[key] = await self._analyzer.explain(alerts, evidence, incident, day)
        result, exchanges = self._unsaved[key]
        now = self._clock.now()
        async with self._database.write() as connection:
            await incident_rows.save_result(connection, incident_id, generation, result, now)
            await spending.save(connection, incident_id, generation, exchanges)
        del self._unsaved[key]
        self._metrics.alerts_processed.inc(len(alerts))

    async def tell(self, incident_id: int, generation: int) -> None:
        """Put the messages into the outbox and end the analysis, in one transaction."""
        now = self._clock.now()
        async with self._database.write() as connection:
            incident = await self._incident(connection, incident_id)
            over = incident.resolved_at is not None  # told already; what it was stands on its page
            if not over and await incident_rows.wants_notification(connection, incident_id):
                await outbox.put(connection, incident_id, self._channels, Occasion.ANALYSED, generation, now)
            state = IncidentState.RESOLVED if over else IncidentState.ANALYSED
            await incident_rows.change(connection, incident_id, state=state, updated_at=now)
            entry = TimelineEntry(at=now, kind="analysed", text=f"analysis {generation} finished")
            await incident_rows.note(connection, incident_id, entry)
        self._metrics.analysis_duration.observe((now - incident.updated_at).total_seconds())

    async def fail(self, incident_id: int, reason: str) -> None:
        """End the analysis visibly."""
        async with self._database.write() as connection:
            await self._give_up(connection, incident_id, reason)

    async def _give_up(self, connection: Connection, incident_id: int, reason: str) -> None:
        now = self._clock.now()
        log.error("analysis failed", incident=incident_id, reason=reason)
        await incident_rows.change(connection, incident_id, state=IncidentState.FAILED, updated_at=now)
        await incident_rows.note(connection, incident_id, TimelineEntry(at=now, kind="failed", text=reason))

    async def _alerts(self, incident_id: int) -> list[Alert]:
        async with self._database.read() as connection:
            return [episode.alert for episode in await alert_rows.of_incident(connection, incident_id)]

    async def _evidence(self, incident_id: int, generation: int) -> EvidenceReport:
        async with self._database.read() as connection:
            report = await incident_rows.evidence_of(connection, incident_id, generation)
        if report is None:
            raise StorageError(f"the evidence of incident {incident_id} is gone")
        return report

    async def _incident(self, connection: Connection, incident_id: int) -> Incident:
        incident = await incident_rows.get_to_change(connection, incident_id)
        if incident is None:
            raise StorageError(f"incident {incident_id} is gone")
        return incident
