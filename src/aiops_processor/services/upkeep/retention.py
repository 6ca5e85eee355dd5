"""What has had its time is deleted, so that the database stays bounded."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import StorageError
from aiops_processor.storage import retention as rows
from aiops_processor.storage.database import Connection, Database, Turn

log = structlog.get_logger(__name__)

ROUND_SECONDS = 600.0
PAUSE_SECONDS = 0.05  # between pieces, so that posts are taken meanwhile
PIECE = 500
PAGES_AT_ONCE = 2000
WORKFLOWS_KEPT = timedelta(days=1)


class Forgets(Protocol):
    """The workflow engine: deletes some of what ended before then, and says how many."""

    async def forget_finished(self, before: datetime) -> int: ...


@dataclass(frozen=True)
class Keeping:
    """How long incidents are kept with all that belongs to them, and how long raw evidence and posted changes."""

    incidents: timedelta = timedelta(days=30)
    evidence: timedelta = timedelta(days=7)


Piece = Callable[[Connection, datetime, int], Awaitable[int]]


class Retention:
    """Runs at start and every ten minutes, in small pieces."""

    def __init__(self, database: Database, workflows: Forgets, clock: Clock, keeping: Keeping) -> None:
        self._database = database
        self._workflows = workflows
        self._clock = clock
        self._keeping = keeping

    def use(self, keeping: Keeping) -> None:
        """From now on keep things so long."""
        self._keeping = keeping

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.round()
            except StorageError as error:
                log.warning("could not delete what has had its time", error=str(error))
            except Exception:  # the loop must not end: the database would grow for ever
                log.exception("deleting what has had its time failed")
            await self._clock.sleep(ROUND_SECONDS)

    async def round(self) -> int:
        """Delete everything that has had its time; returns how many rows, with those that hang on them not counted."""
        now = self._clock.now()
        deleted = 0
        for piece in rows.RAW:
            deleted += await self._alone(piece, now - self._keeping.evidence)
        for piece in rows.ALL:
            deleted += await self._alone(piece, now - self._keeping.incidents)
        while forgotten := await self._workflows.forget_finished(now - WORKFLOWS_KEPT):
            deleted += forgotten
            await self._clock.sleep(PAUSE_SECONDS)
        if deleted:
            await self._shrink()
        if deleted:
            log.info("deleted what has had its time", rows=deleted)
        return deleted

    async def _shrink(self) -> None:
        """Give free room back to the disk as long as there is less of it each time."""
        left, before = await self._database.shrink(PAGES_AT_ONCE), None
        while left and left != before:
            await self._clock.sleep(PAUSE_SECONDS)
            left, before = await self._database.shrink(PAGES_AT_ONCE), left

    async def _alone(self, piece: Piece, before: datetime) -> int:
        """What one kind of rows cannot be rid of does not keep the others."""
        try:
            return await self._all(piece, before)
        except StorageError as error:
            log.warning("could not delete what has had its time", kind=piece.__name__, error=str(error))
            return 0

    async def _all(self, piece: Piece, before: datetime) -> int:
        """Piece by piece, each a transaction of its own, until one finds less than it may take."""
        total = 0
        while True:
            async with self._database.write(Turn.CLEANING) as connection:
                deleted = await piece(connection, before, PIECE)
            total += deleted
            if deleted < PIECE:
                return total
            await self._clock.sleep(PAUSE_SECONDS)
