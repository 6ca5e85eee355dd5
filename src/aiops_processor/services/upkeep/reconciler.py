"""The pulse of the service: finds what is due and starts it, and what was left lying and picks it up.

Nothing here decides anything twice: every piece of work has an id, and starting it again changes nothing. So a
sweep may be as generous as it likes, and a kill at any point costs only the time until the next sweep.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import StorageError
from aiops_processor.models.incident import Incident
from aiops_processor.services.analysing.completing import LONGEST_ASKED
from aiops_processor.services.grouping.incidents import Incidents
from aiops_processor.services.telling.notifier import MOST_WAIT_SECONDS
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import outbox
from aiops_processor.storage.database import Connection, Database, Turn

log = structlog.get_logger(__name__)

TICK_SECONDS = 1.0
BREATH_SECONDS = 0.05  # of real time, between rounds: under fire one round takes what many posts brought
REST = 3  # while posts come in, so many times as long as it worked: they want an answer, and share its processor
MOST_REST_SECONDS = 1.0  # but people wait too, and for them a storm of posts is no reason
SWEEP = timedelta(seconds=30)
STORE_BACK = timedelta(seconds=10)  # so long after the store came back, what it dropped is looked for
LEASE = timedelta(seconds=120)
LONGEST_WAIT = timedelta(seconds=MOST_WAIT_SECONDS)  # of a message: between two tries
SPARE = timedelta(seconds=5)  # for the clocks of several machines

T = TypeVar("T")
NextDue = Callable[[Connection], Awaitable[datetime | None]]


class WorkQueue(Protocol):
    """Where pieces of work are put; the same piece twice is one piece.

    Of each kind only so much is claimed as has `room` here: the rest is for other processes, or for later.
    """

    async def analyse(self, incident_id: int, generation: int) -> None: ...

    async def deliver(self, delivery_id: int, attempt: int) -> None: ...

    async def analysis_ended(self, incident_id: int, generation: int) -> bool:
        """Whether it was started and does not run any more, whatever became of it."""
        ...

    async def forget_analysis(self, incident_id: int, generation: int) -> None:
        """Let it begin anew when it is started again."""
        ...

    async def revive(self) -> None:
        """Go on with what began here and was dropped, because its store was away for too long."""
        ...

    def room_for_analyses(self) -> int: ...

    def room_for_deliveries(self) -> int: ...


class Reconciler:
    """Runs until cancelled. `poke()` makes it look at once instead of at the next tick."""

    def __init__(self, database: Database, incidents: Incidents, work: WorkQueue, clock: Clock) -> None:
        self._database = database
        self._incidents = incidents
        self._work = work
        self._clock = clock
        self._poked = asyncio.Event()
        self._last_sweep: datetime | None = None
        self._rested = 0.0

    def poke(self) -> None:
        self._poked.set()

    def sweep_now(self) -> None:
        """Look at once for what a dead process claimed and did not start."""
        self._last_sweep = None
        self.poke()

    async def run(self) -> None:
        while True:
            self._poked.clear()
            began, self._rested = time.monotonic(), 0.0
            wait = await self.tick()
            worked = time.monotonic() - began - self._rested
            await asyncio.sleep(max(BREATH_SECONDS, rest_after(worked) if self._poked.is_set() else 0.0))
            await self._wait(wait)

    async def tick(self) -> float:
        """One round; returns the seconds of the clock until something is due, at most a tick."""
        await self._alone(self._sweep)
        await self._alone(self._group)
        wait = await self._alone(self._seconds_to_next)
        if wait is not None and wait > 0:  # an idle service does not write
            return wait
        for part in (self._start_deliveries, self._start_analyses):
            await self._alone(part)  # the first word before any work that takes longer
        wait = await self._alone(self._seconds_to_next)
        return TICK_SECONDS if wait is None else wait

    async def _alone(self, part: Callable[[], Awaitable[T]]) -> T | None:
        """One part of a round, None where it failed: who cannot group can still tell, and the loop must not end."""
        try:
            return await part()
        except StorageError as error:
            log.warning("the store did not answer", error=str(error))
            self._last_sweep = self._clock.now() - SWEEP + STORE_BACK
        except Exception:  # nothing would be analysed or told any more
            log.exception("a part of the reconciler's round failed", part=part.__name__)
        return None

    async def _group(self) -> None:
        """A storm comes in batches; each is a transaction, so posts are taken and people told in between."""
        began = time.monotonic()
        while await self._incidents.group():
            for part in (self._start_deliveries, self._start_analyses):  # where filters are slow it may take minutes
                await self._alone(part)
            if self._poked.is_set():
                self._poked.clear()
                rest = rest_after(time.monotonic() - began)
                self._rested += rest
                await asyncio.sleep(rest)
            began = time.monotonic()

    async def _start_analyses(self) -> None:
        room = self._work.room_for_analyses()
        if room:
            for incident in await self._incidents.claim_due(room):
                await self._work.analyse(incident.id, incident.generation)

    async def _start_deliveries(self) -> None:
        now = self._clock.now()
        room = self._work.room_for_deliveries()
        if room:
            claimed = await self._database.run(partial(outbox.claim, now=now, lease_until=now + LEASE, limit=room))
            for delivery in claimed:
                await self._work.deliver(delivery.id, delivery.attempts)

    async def _next_delivery(self, connection: Connection) -> datetime | None:
        return await outbox.next_due(connection, self._clock.now())

    async def _sweep(self) -> None:
        """Claimed but perhaps never started, because the process ended in between."""
        now = self._clock.now()
        if self._last_sweep and abs(now - self._last_sweep) < SWEEP:  # a clock may be set back
            return
        self._last_sweep = now
        await self._work.revive()
        await self._pull_in(now)
        async with self._database.read() as connection:
            analysing = await incident_rows.in_analysis(connection)
            in_flight = await outbox.in_flight(connection)
        await self._forget_what_ended_alone(analysing)
        for incident in analysing:
            await self._work.analyse(incident.id, incident.generation)
        for delivery in in_flight:
            await self._work.deliver(delivery.id, delivery.attempts)

    async def _forget_what_ended_alone(self, analysing: Sequence[Incident]) -> None:
        """Analyses whose workflow ended and left the incident as it was: they would never end.

        The store was away when the failure itself was to be written down, or a backup was restored beside workflows
        that are younger. The rows are read after the workflows: a workflow writes its incident before it ends. In
        turn, for of two that forget the same one would forget what the other has begun anew.
        """
        ended = [each for each in analysing if await self._work.analysis_ended(each.id, each.generation)]
        if not ended:
            return
        async with self._database.write(Turn.REAPING) as connection:
            still = {(each.id, each.generation) for each in await incident_rows.in_analysis(connection)}
            for each in ended:
                if (each.id, each.generation) in still and await self._work.analysis_ended(each.id, each.generation):
                    log.warning("an analysis ended without a result, and begins anew", incident=each.id)
                    await self._work.forget_analysis(each.id, each.generation)

    async def _pull_in(self, now: datetime) -> None:
        """After the clock was set back what was due at its old time would wait for that."""
        async with self._database.write() as connection:  # writes nothing where nothing is late
            latest, latest_completed = now + self._incidents.longest_wait + SPARE, now + LONGEST_ASKED + SPARE
            incidents = await incident_rows.pull_in(connection, latest, latest_completed, now)
            deliveries = await outbox.pull_in(connection, now + LONGEST_WAIT + SPARE, now)
        if incidents or deliveries:
            log.warning("the clock was set back; what was due by its old time is due now")

    async def _seconds_to_next(self) -> float:
        """What has no room waits for the poke at the end of what runs."""
        asked = [
            next_due
            for next_due, room in (
                (incident_rows.next_due, self._work.room_for_analyses()),
                (self._next_delivery, self._work.room_for_deliveries()),
            )
            if room
        ]
        async with self._database.read() as connection:
            times = [await next_due(connection) for next_due in asked]
        now = self._clock.now()
        return min([TICK_SECONDS, *((time - now).total_seconds() for time in times if time is not None)])

    async def _wait(self, seconds: float) -> None:
        """Until poked, or until so many seconds of the clock have passed."""
        sleep = asyncio.ensure_future(self._clock.sleep(max(seconds, 0.01)))
        poked = asyncio.ensure_future(self._poked.wait())
        _, pending = await asyncio.wait({sleep, poked}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()


def rest_after(worked: float) -> float:
    """How long (seconds) to leave the processor to posts after so many seconds of work."""
    return min(REST * worked, MOST_REST_SECONDS)
