"""Changes that are posted: stored before they are answered, and given to whoever gathers evidence."""

from collections.abc import Mapping
from datetime import datetime

from aiops_processor.clock import Clock
from aiops_processor.errors import SourceUnavailable, StorageError
from aiops_processor.models.change import PostedChange
from aiops_processor.models.samples import Answer
from aiops_processor.services.change_bodies.judge import Told, judge
from aiops_processor.storage import changes as rows
from aiops_processor.storage.database import Database
from aiops_processor.telemetry import Metrics

MOST_READ = 500


class Changes:
    """Takes bodies, and answers what was changed when."""

    def __init__(self, database: Database, clock: Clock, metrics: Metrics) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics

    async def receive(self, body: bytes, headers: Mapping[str, str]) -> Told:
        """Store what a body tells; all of it or nothing. Returns after the commit.

        Raises InputError, which names the field, and StorageError where it cannot be stored now.
        """
        now = self._clock.now()
        told = judge(body, headers, now)
        if told.changes:
            async with self._database.write() as connection:
                await rows.keep(connection, told.changes, now)
        for change in told.changes:
            self._metrics.changes_received.labels(change.source).inc()
        return told

    async def between(self, start: datetime, end: datetime) -> Answer[list[PostedChange]]:
        """What was changed in that time. Raises SourceUnavailable where our own store does not answer."""
        try:
            async with self._database.read() as connection:
                found = await rows.between(connection, start, end, MOST_READ)
        except StorageError as error:
            raise SourceUnavailable(f"the posted changes could not be read: {error}") from error
        cut = len(found) == MOST_READ
        return Answer(found, [f"only the newest {MOST_READ} changes of that time were read"] if cut else [])

    async def recent(self, limit: int) -> list[PostedChange]:
        """The newest, newest first. Raises StorageError."""
        async with self._database.read() as connection:
            return await rows.recent(connection, limit)
