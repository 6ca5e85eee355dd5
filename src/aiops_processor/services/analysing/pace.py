"""The rate limits of providers, kept in the database: one count for all processes that share it."""

from datetime import timedelta

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import StorageError
from aiops_processor.llm.pace import WINDOW_SECONDS, Rate, Used, wait
from aiops_processor.storage import pace as pace_rows
from aiops_processor.storage.database import Database, Turn

log = structlog.get_logger(__name__)
WINDOW = timedelta(seconds=WINDOW_SECONDS)


class SharedPace:
    """Counts in turn, so that two processes never both take the last place. To be admitted raises StorageError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def admit(self, provider: str, rate: Rate, tokens: int) -> float:
        """See `llm.pace.Pace`."""
        now = self._clock.now()
        async with self._database.write(Turn.PACING) as connection:
            await pace_rows.forget(connection, now - WINDOW)
            rows = await pace_rows.since(connection, provider, now - WINDOW)
            sent = tuple(((now - at).total_seconds(), requests, size) for at, requests, size in rows)
            seconds = wait(Used(sent=sent), rate, tokens)
            if not seconds:
                await pace_rows.note(connection, provider, now, 1, tokens)
        return seconds

    async def add(self, provider: str, tokens: int) -> None:
        """See `llm.pace.Pace`. The answer is paid for by now: where the store is away it is only logged."""
        try:
            async with self._database.write(Turn.PACING) as connection:
                await pace_rows.note(connection, provider, self._clock.now(), 0, tokens)
        except StorageError as error:
            log.warning("an answer was not counted for its provider's rate", provider=provider, error=str(error))
