"""The audit log: what was changed, by whom, from where, and what came of it."""

from datetime import timedelta

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import StorageError
from aiops_processor.models.access import AuditEntry
from aiops_processor.storage import audit as rows
from aiops_processor.storage.database import Database

log = structlog.get_logger(__name__)


class Audit:
    """Written before a change is made and once more when it is answered: a change without an entry cannot be."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def begin(self, actor: str, address: str, action: str, target: str = "", *, keep: timedelta) -> int:
        """Write down what is tried, and forget what is older than `keep`. Raises StorageError: do not go on then."""
        now = self._clock.now()
        async with self._database.write() as connection:
            await rows.forget(connection, now - keep)
            return await rows.begin(connection, now, actor, address, action, target)

    async def end(self, number: int, status: int) -> None:
        """What came of it. It is done: a store that is away now leaves an entry without a status."""
        try:
            async with self._database.write() as connection:
                await rows.end(connection, number, status)
        except StorageError as error:
            log.error("what came of a change was not written down", entry=number, status=status, error=str(error))

    async def recent(self, limit: int, before: int | None) -> list[AuditEntry]:
        async with self._database.read() as connection:
            return await rows.recent(connection, limit, before)
