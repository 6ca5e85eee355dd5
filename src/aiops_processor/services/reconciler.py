"""The heartbeat of the service: finds what is due and starts it, and what was left lying and picks it up.

Nothing here decides anything twice: every piece of work has an id, and starting it again changes nothing. So a
sweep may be as generous as it likes, and a kill at any point costs only the time until the next sweep.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import StorageError
from aiops_processor.services.incidents import Incidents
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import outbox, workers
from aiops_processor.storage.database import Database

log = structlog.get_logger(__name__)

TICK_SECONDS = 1.0
BEAT = timedelta(seconds=3)
DEAD_AFTER = timedelta(seconds=10)
SWEEP = timedelta(seconds=60)
LEASE = timedelta(seconds=120)
BATCH = 200


class WorkQueue(Protocol):
    """Where pieces of work are put; the same piece twice is one piece."""

    async def analyse(self, incident_id: int, generation: int) -> None: ...

    async def deliver(self, delivery_id: int, attempt: int) -> None: ...

    async def take_over(self, executor_ids: list[str] | None) -> int: ...


class Reconciler:
    """Runs until cancelled. `poke()` makes it look at once instead of at the next tick."""

    def __init__(
        self, database: Database, incidents: Incidents, work: WorkQueue, clock: Clock, executor_id: str, host: str
    ) -> None:
        self._database = database
        self._incidents = incidents
        self._work = work
        self._clock = clock
        self._executor_id = executor_id
        self._host = host
        self._poked = asyncio.Event()
        self._last_beat: datetime | None = None
        self._last_sweep: datetime | None = None

    def poke(self) -> None:
        self._poked.set()

    async def run(self) -> None:
        while True:
            self._poked.clear()
            wait = TICK_SECONDS
            try:
                wait = await self.tick()
            except StorageError as error:
                log.warning("the store did not answer", error=str(error))
            except Exception:  # the loop must not end: nothing would be analysed or told any more
                log.exception("a round of the reconciler failed")
            await self._wait(wait)

    async def tick(self) -> float:
        """One round; returns the seconds of the clock until something is due, at most a tick."""
        now = self._clock.now()
        await self._beat(now)
        await self._sweep(now)
        while await self._incidents.group():
            pass  # a storm comes in batches; each is a transaction, so posts are taken in between
        for incident in await self._incidents.claim_due():
            await self._work.analyse(incident.id, incident.generation)
        for delivery in await self._claim_deliveries(now):
            await self._work.deliver(delivery.id, delivery.attempts)
        return await self._seconds_to_next()

    async def _claim_deliveries(self, now: datetime) -> list[outbox.Delivery]:
        async with self._database.read() as connection:
            due = await outbox.next_due(connection)
        if due is None or due > now:
            return []
        async with self._database.write() as connection:
            return await outbox.claim(connection, now, now + LEASE, BATCH)

    async def _beat(self, now: datetime) -> None:
        if self._last_beat and now - self._last_beat < BEAT:
            return
        async with self._database.write() as connection:
            await workers.beat(connection, self._executor_id, self._host, now)
            silent = await workers.silent_since(connection, now - DEAD_AFTER)
        self._last_beat = now
        if silent:
            await self._take_over(silent)

    async def _take_over(self, silent: list[str]) -> None:
        count = await self._work.take_over(silent)
        log.warning("took over the work of silent workers", workers=silent, workflows=count)
        async with self._database.write() as connection:
            await workers.forget(connection, silent)

    async def _sweep(self, now: datetime) -> None:
        """Claimed but perhaps never started, because the process ended in between."""
        if self._last_sweep and now - self._last_sweep < SWEEP:
            return
        self._last_sweep = now
        async with self._database.read() as connection:
            analysing = await incident_rows.in_analysis(connection)
            in_flight = await outbox.in_flight(connection)
        for incident in analysing:
            await self._work.analyse(incident.id, incident.generation)
        for delivery in in_flight:
            await self._work.deliver(delivery.id, delivery.attempts)

    async def _seconds_to_next(self) -> float:
        async with self._database.read() as connection:
            times = [await incident_rows.next_due(connection), await outbox.next_due(connection)]
        now = self._clock.now()
        return min([TICK_SECONDS, *((time - now).total_seconds() for time in times if time is not None)])

    async def _wait(self, seconds: float) -> None:
        """Until poked, or until so many seconds of the clock have passed."""
        sleep = asyncio.ensure_future(self._clock.sleep(max(seconds, 0.01)))
        poked = asyncio.ensure_future(self._poked.wait())
        _, pending = await asyncio.wait({sleep, poked}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
