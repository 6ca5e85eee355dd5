"""Looking again and again for what nobody tells us, at each source by itself."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import AiopsError

log = structlog.get_logger(__name__)


class Looks(Protocol):
    """Looks once. Raises AiopsError where it could not."""

    async def round(self) -> None: ...


class Rounds:
    """Runs until cancelled. One look that hangs or fails holds up no other; it begins again when it has ended."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._under_way: dict[Looks, asyncio.Task[None]] = {}
        self.use((), 60)

    def use(self, looks: Sequence[Looks], seconds: float) -> None:
        """From now on these look, so many seconds apart."""
        self._looks = tuple(looks)
        self._seconds = seconds

    async def run(self) -> None:
        try:
            while True:
                self._begin()
                await self._clock.sleep(self._seconds)
        finally:
            tasks = list(self._under_way.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self) -> None:
        for look in self._looks:
            if look not in self._under_way:
                self._under_way[look] = asyncio.create_task(self._once(look))

    async def _once(self, look: Looks) -> None:
        what = type(look).__name__
        try:
            await look.round()
        except AiopsError as error:
            log.warning("could not look for what nobody told us", what=what, error=str(error))
        except Exception:  # the next round is to come: what was missed would stay missed
            log.exception("looking for what nobody told us failed", what=what)
        finally:
            del self._under_way[look]
