"""Several processes on one database: each says that it lives, and takes over the work of those that do not."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import StorageError
from aiops_processor.storage import workers
from aiops_processor.storage.database import Database, Turn

log = structlog.get_logger(__name__)

BEAT_SECONDS = 2.0
DEAD_AFTER = timedelta(seconds=10)
MOST_SECONDS_TO_TAKE_OVER = 5  # the engine waits as long as its database is away, and meanwhile we would not beat
BEATS_BETWEEN_SEARCHES = 30


class Interrupted(NamedTuple):
    """A piece of work that has begun and not ended; `executor_id` is whose it is."""

    workflow_id: str
    name: str
    executor_id: str


class Interruptible(Protocol):
    """What knows the unfinished work of all processes, and goes on with it."""

    async def unfinished(self) -> Sequence[Interrupted]: ...

    async def resume(self, work: Collection[Interrupted]) -> None: ...


class Heartbeat:
    """Beats until cancelled. `taken_over` is called when the work of a dead process has become ours.

    A process must have beaten before it starts any work: whoever has work and no beat is taken for dead.
    """

    def __init__(
        self,
        database: Database,
        work: Interruptible,
        clock: Clock,
        executor_id: str,
        host: str,
        taken_over: Callable[[], None],
    ) -> None:
        self._database = database
        self._work = work
        self._clock = clock
        self._executor_id = executor_id
        self._host = host
        self._taken_over = taken_over

    async def run(self) -> None:
        """Beat and look for the silent; now and then for work whose owner nobody knows."""
        beats = 0
        while True:
            try:
                await self.beat()
                if beats % BEATS_BETWEEN_SEARCHES == 0 or await self._someone_is_silent():
                    await self.take_over()
            except StorageError as error:
                log.warning("no heartbeat", error=str(error))
            except Exception:  # the loop must not end: this process would be taken for dead
                log.exception("a heartbeat failed")
            beats += 1
            await self._clock.sleep(BEAT_SECONDS)

    async def beat(self) -> None:
        async with self._database.write() as connection:
            await workers.beat(connection, self._executor_id, self._host)

    async def leave(self) -> None:
        """This process ends: others need not wait until they miss it."""
        try:
            async with self._database.write() as connection:
                await workers.leave(connection, self._executor_id)
        except StorageError as error:
            log.warning("could not say that this process ends; it will be missed", error=str(error))

    async def take_over(self) -> int:
        """Go on with what dead processes left; returns how many pieces of work that were.

        In turn, for two that resume the same piece would start it twice. What is unfinished is read before who is
        alive: so a process that came in between is not taken for dead.
        """
        async with self._database.write(Turn.REAPING) as connection, asyncio.timeout(MOST_SECONDS_TO_TAKE_OVER):
            unfinished = await self._work.unfinished()
            alive = await workers.alive(connection, DEAD_AFTER)
            left = [work for work in unfinished if work.executor_id not in {*alive, self._executor_id}]
            await self._work.resume(left)
            silent = await workers.silent(connection, DEAD_AFTER)
            await workers.forget(connection, silent)
        if silent or left:
            log.warning("took over from silent processes", processes=sorted(silent), workflows=len(left))
            self._taken_over()
        return len(left)

    async def _someone_is_silent(self) -> bool:
        async with self._database.read() as connection:
            return bool(await workers.silent(connection, DEAD_AFTER))
