"""The analysis of a stored incident, in steps that each leave their result in the database."""

from datetime import datetime
from functools import partial

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import ModelError, ModelUnavailable, StorageError
from aiops_processor.models.action import ActionOccasion
from aiops_processor.models.alert import Alert
from aiops_processor.models.case import Happening
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.incident import Incident, IncidentState, TimelineEntry
from aiops_processor.models.notification import Occasion
from aiops_processor.services.analysing.analyzer import Analyzer, Explained
from aiops_processor.services.analysing.completing import Completing
from aiops_processor.services.analysing.past import similar, traits_of
from aiops_processor.services.analysing.received import Received
from aiops_processor.services.grouping.incidents import COMPLETE
from aiops_processor.services.own import Events
from aiops_processor.storage import actions as action_rows
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import answers as answer_rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import outbox, spending
from aiops_processor.storage import past as past_rows
from aiops_processor.storage.database import Connection, Database
from aiops_processor.telemetry import Metrics

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 5  # an incident that kills its worker each time must not do so for ever
MOST_ALERTS = 1000  # of one incident are looked at: no report names more, and each costs time to mask and to compare

SKIP, PLAIN, WITH_MODEL = "skip", "plain", "with model"


class Analysis:
    """begin → gather → explain → tell, for one generation of one incident. Every step may be done twice."""

    def __init__(
        self,
        database: Database,
        analyzer: Analyzer,
        clock: Clock,
        channels: list[str],
        metrics: Metrics,
        completing: Completing | None = None,
        events: Events | None = None,
    ) -> None:
        self._database = database
        self._events = events
        self._analyzer = analyzer
        self._clock = clock
        self._channels = channels
        self._metrics = metrics
        self._completing = completing or Completing()
        self._unsaved: dict[tuple[int, int], Explained] = {}

    def use(self, channels: list[str], completing: Completing | None = None) -> None:
        """From now on tell these channels, and complete reports for so long."""
        self._channels = channels
        self._completing = completing or Completing()

    async def begin(self, incident_id: int, generation: int) -> tuple[str, int]:
        """Count the attempt. Returns how to go on, SKIP (given up, or merged into another), PLAIN or WITH_MODEL; and
        the priority.
        """

        async def count(connection: Connection) -> tuple[Incident, int]:
            incident = await self._incident(connection, incident_id)
            if incident.merged_into is not None:
                return incident, 0
            return incident, await incident_rows.begin_attempt(connection, incident_id, generation)

        incident, attempts = await self._database.run(count)
        if incident.merged_into is not None:
            return SKIP, 0
        if attempts <= MOST_ATTEMPTS:
            return WITH_MODEL if self._analyzer.has_model else PLAIN, incident.priority
        await self.fail(incident_id, generation, f"the analysis was begun {MOST_ATTEMPTS} times and never ended")
        return SKIP, 0

    async def gather(self, incident_id: int, generation: int) -> None:
        """Collect the evidence and store it; nothing for one that was merged meanwhile, here and in what follows.

        A report that is completed keeps the evidence that it was made of.
        """
        alerts, _ = await self._alerts(incident_id)
        if not alerts:
            return
        report = await self._kept(incident_id, generation - 1)
        if report is None:
            report = await self._analyzer.gather(alerts)

        async def save(connection: Connection) -> None:
            await incident_rows.save_evidence(connection, incident_id, generation, report)

        await self._database.run(save)

    async def explain(self, incident_id: int, generation: int) -> None:
        """Write the analysis and store it."""
        alerts, more = await self._alerts(incident_id)
        if not alerts:
            return
        today = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        evidence = await self._evidence(incident_id, generation)
        traits = traits_of(alerts, evidence)
        async with self._database.read() as connection:
            spent = await spending.of_incident(connection, incident_id)
            day = await spending.since(connection, today)
            alike = await similar(connection, incident_id, traits, self._clock.now())
            incident = await incident_rows.get(connection, incident_id)
            received = await Received.of(self._database, connection, incident_id, generation)
        key = (incident_id, generation)
        if key not in self._unsaved:  # else the store was away when it should have been saved: not paid for again
            again = incident is not None and incident.completions > 0  # there is a next time: one request is enough
            self._unsaved[key] = await self._analyzer.explain(
                alerts, evidence, spent, day, alike, journal=received, patient=not again
            )
        explained = self._unsaved[key]
        result = explained.result.model_copy(update={"similar": alike})
        now = self._clock.now()
        async with self._database.write() as connection:
            if explained.evidence is not evidence:
                await incident_rows.save_evidence(connection, incident_id, generation, explained.evidence)
            await incident_rows.save_result(connection, incident_id, generation, result, now)
            await past_rows.keep_traits(connection, incident_id, traits)
            await spending.save(connection, incident_id, generation, explained.exchanges)
            await answer_rows.forget(connection, incident_id, generation)
            await self._note_missing(connection, incident_id, generation, explained.failure, now)
        del self._unsaved[key]
        self._metrics.alerts_processed.inc(len(alerts) + more)

    async def tell(self, incident_id: int, generation: int) -> None:
        """Put the messages into the outbox and end the analysis, in one transaction."""
        told = await self._database.run(partial(self._tell, incident_id, generation))
        if told is None:
            return
        self._metrics.analysis_duration.observe((self._clock.now() - told.updated_at).total_seconds())
        self._happened(Happening.ANALYSED, incident_id)

    async def fail(self, incident_id: int, generation: int, reason: str) -> None:
        """End the analysis visibly."""
        async with self._database.write() as connection:
            failed = await self._give_up(connection, incident_id, generation, reason)
        if failed:
            self._happened(Happening.FAILED, incident_id, reason)

    def _happened(self, kind: Happening, incident_id: int, text: str = "") -> None:
        if self._events:
            self._events.happened(kind, incident_id, text=text)

    async def _tell(self, incident_id: int, generation: int, connection: Connection) -> Incident | None:
        """The incident as it was before; None where nobody waits for this analysis any more."""
        now = self._clock.now()
        incident = await self._incident(connection, incident_id)
        if _is_past(incident, generation):
            return None
        over = incident.resolved_at is not None  # told already; what it was stands on its page
        in_vain = incident.completions > 0 and incident.incomplete_since is not None  # people know as much
        if not (over or in_vain) and await incident_rows.wants_notification(connection, incident_id):
            await outbox.put(connection, incident_id, self._channels, Occasion.ANALYSED, generation, now)
            await action_rows.note(connection, incident_id, ActionOccasion.ANALYSED, generation)
        state = IncidentState.RESOLVED if over else IncidentState.ANALYSED
        # New alerts have their own analysis, which asks the model anyway.
        left = COMPLETE if incident.due_at else {"due_at": incident.complete_at}
        await incident_rows.change(connection, incident_id, state=state, updated_at=now, **left)
        entry = TimelineEntry(at=now, kind="analysed", text=_ended(incident, generation))
        await incident_rows.note(connection, incident_id, entry)
        return incident

    async def _give_up(self, connection: Connection, incident_id: int, generation: int, reason: str) -> bool:
        """False where nobody waits for this analysis any more."""
        if _is_past(await self._incident(connection, incident_id), generation):
            return False
        now = self._clock.now()
        log.error("analysis failed", incident=incident_id, reason=reason)
        await incident_rows.change(connection, incident_id, state=IncidentState.FAILED, updated_at=now, **COMPLETE)
        await incident_rows.note(connection, incident_id, TimelineEntry(at=now, kind="failed", text=reason))
        return True

    async def _note_missing(
        self, connection: Connection, incident_id: int, generation: int, failure: ModelError | None, now: datetime
    ) -> None:
        """Write down whether the report lacks its model, since when, and when that is asked again."""
        incident = await self._incident(connection, incident_id)
        if _is_past(incident, generation):
            return
        changes: dict[str, object] = COMPLETE
        if failure is not None:
            since = incident.incomplete_since or now
            asked = failure.retry_after if isinstance(failure, ModelUnavailable) else None
            next_try = self._completing.next_try(since, now, incident.completions, asked)
            changes = {"incomplete_since": since, "complete_at": next_try}
        await incident_rows.change(connection, incident_id, **changes)

    async def _kept(self, incident_id: int, generation: int) -> EvidenceReport | None:
        """The evidence of the report that is to be completed, None where this analysis begins anew."""
        async with self._database.read() as connection:
            incident = await incident_rows.get(connection, incident_id)
            if incident is None or not incident.completions:
                return None
            return await incident_rows.evidence_of(connection, incident_id, generation)

    async def _alerts(self, incident_id: int) -> tuple[list[Alert], int]:
        """Of a storm the first thousand, and how many more; none where it was merged: they are the other's now."""
        async with self._database.read() as connection:
            episodes, more = await alert_rows.some_of_incident(connection, incident_id, MOST_ALERTS)
        return [episode.alert for episode in episodes], more

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


def _is_past(incident: Incident, generation: int) -> bool:
    """It was merged, or the next analysis is claimed: a step that a kill made done twice must not undo that."""
    return incident.merged_into is not None or incident.generation != generation


def _ended(incident: Incident, generation: int) -> str:
    """A line for the history: how this analysis ended."""
    if incident.incomplete_since is None:
        return (
            f"analysis {generation} {'completed the report: the model answers' if incident.completions else 'finished'}"
        )
    again = "it is asked again" if incident.complete_at else "it is not asked any more"
    return f"analysis {generation} finished without the model, which gave no answer; {again}"
