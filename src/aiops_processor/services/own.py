"""What an operator's plugins add to the way of an alert: who is filtered, what comes first, who hears of it all."""

import asyncio
from collections import deque
from collections.abc import Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import PluginFault, StorageError
from aiops_processor.models.alert import Alert
from aiops_processor.models.case import Case, Event, Happening
from aiops_processor.models.incident import TimelineEntry
from aiops_processor.plugins import Guarded
from aiops_processor.services.grouping.filtering import Filtering
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage.database import Connection, Database

log = structlog.get_logger(__name__)

MOST_WAITING = 10_000
MOST_ALERTS = 1000
"""Of a storm so many alerts are in a case."""
PLACES = range(-999_999, 1_000_000)
"""What an order may answer: with others the queue of analyses refuses an incident."""


class Ordering:
    """Has plugins say how soon an incident is worked on; the last one that says something counts.

    After the commit and beside everything else, so that nobody waits for a plugin: a kill in between leaves the usual
    order.
    """

    def __init__(self, database: Database, clock: Clock, orders: Sequence[Guarded[int | None]] = ()) -> None:
        self._database = database
        self._clock = clock
        self._orders = tuple(orders)
        self._waiting = dict[int, None]()
        self._put = asyncio.Event()

    def use(self, orders: Sequence[Guarded[int | None]]) -> None:
        """From now on ask these."""
        self._orders = tuple(orders)

    def put_in_order(self, incident_ids: Collection[int]) -> None:
        """Ask about each of these incidents, as soon as may be."""
        if self._orders:
            self._waiting |= dict.fromkeys(sorted(incident_ids))
            self._put.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._put.wait()
            self._put.clear()
            while self._waiting:
                incident_id = next(iter(self._waiting))
                del self._waiting[incident_id]
                try:
                    await self._put_in_order(incident_id)
                except StorageError as error:
                    log.warning("an incident keeps its usual place", incident=incident_id, error=str(error))
                except Exception:  # the loop must not end: nothing would be put in order any more
                    log.exception("putting an incident in order failed", incident=incident_id)

    async def _put_in_order(self, incident_id: int) -> None:
        case = await case_of(self._database, incident_id)
        if case is None or case.incident.resolved_at:
            return
        priority, faults = await self._asked(case)
        if priority is None and not faults:
            return
        async with self._database.write() as connection:
            if priority is not None:
                await incident_rows.change(connection, incident_id, priority=priority)
            await self._note(connection, incident_id, faults)

    async def _asked(self, case: Case) -> tuple[int | None, list[str]]:
        priority, faults = None, list[str]()
        for order in self._orders:
            try:
                found = await order(case)
            except PluginFault as fault:
                faults.append(f"{fault}; its place in the queue is the usual one")
                continue
            if found is None or found in PLACES:
                priority = priority if found is None else found
            else:
                faults.append(f"{_outside(order)}; its place in the queue is the usual one")
        return priority, faults

    async def _note(self, connection: Connection, incident_id: int, faults: Sequence[str]) -> None:
        for fault in faults:
            entry = TimelineEntry(at=self._clock.now(), kind="note", text=fault)
            await incident_rows.note(connection, incident_id, entry)


class Events:
    """Tells plugins what happened, in order, one after the other, without making anybody wait.

    In the process where it happened and only there. What still waits when the process ends is not told.
    """

    def __init__(self, database: Database, clock: Clock, listeners: Sequence[Guarded[None]] = ()) -> None:
        self._database = database
        self._clock = clock
        self._listeners = tuple(listeners)
        self._waiting = deque[tuple[Happening, int | None, Alert | None, str]](maxlen=MOST_WAITING)
        self._put = asyncio.Event()
        self._url = ""

    def use(self, listeners: Sequence[Guarded[None]], external_url: str = "") -> None:
        """From now on tell these; `external_url` is what an incident's address begins with."""
        self._listeners = tuple(listeners)
        self._url = external_url.rstrip("/")

    def happened(
        self, kind: Happening, incident_id: int | None = None, alert: Alert | None = None, text: str = ""
    ) -> None:
        """To be called after the commit. Where ten thousand wait, the oldest is dropped."""
        if self._listeners:
            self._waiting.append((kind, incident_id, alert, text))
            self._put.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._put.wait()
            self._put.clear()
            while self._waiting:
                kind, incident_id, alert, text = self._waiting.popleft()
                try:
                    await self._tell(kind, incident_id, alert, text)
                except StorageError as error:
                    log.warning("plugins were not told of an event", kind=kind, incident=incident_id, error=str(error))
                except Exception:  # the loop must not end: plugins would hear of nothing any more
                    log.exception("telling plugins of an event failed", kind=kind, incident=incident_id)

    async def _tell(self, kind: Happening, incident_id: int | None, alert: Alert | None, text: str) -> None:
        case = None if incident_id is None else await case_of(self._database, incident_id, self._url)
        event = Event(kind=kind, at=self._clock.now(), case=case, alert=alert, text=text)
        for listener in self._listeners:
            try:
                await listener(event)
            except PluginFault:  # logged and counted where it was called
                continue


@dataclass(frozen=True)
class Own:
    """All of it, for those who group."""

    filtering: Filtering
    ordering: Ordering
    events: Events

    def loops(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What is at work all the time."""
        return (each.run() for each in (self.ordering, self.events))


def _outside(order: Guarded[int | None]) -> str:
    return f"order {order.name}: answered with a number that is not between {PLACES[0]} and {PLACES[-1]}"


async def case_of(database: Database, incident_id: int, url: str = "") -> Case | None:
    """The incident with what is known of it, None where there is no such one."""
    async with database.read() as connection:
        incident = await incident_rows.get(connection, incident_id)
        if incident is None:
            return None
        some = await alert_rows.some_of_incident(connection, incident_id, MOST_ALERTS)
        evidence, analysis = await incident_rows.latest_analysis(connection, incident_id)
    return Case(
        incident=incident,
        alerts=tuple(episode.alert for episode in some.episodes),
        analysis=analysis,
        evidence=evidence,
        url=f"{url}/incidents/{incident_id}" if url else "",
    )
