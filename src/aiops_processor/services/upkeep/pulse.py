"""The heartbeat to the outside: an address is asked regularly while all is well, so that somebody misses us."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import DeliveryError

log = structlog.get_logger(__name__)


class Visits(Protocol):
    """Asks its address once. Raises DeliveryError."""

    async def visit(self) -> None: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True)
class Heartbeat:
    """Where, and how often. None: nobody wants to know."""

    where: Visits | None = None
    seconds: float = 60


class Pulse:
    """Runs until cancelled. Where our own store does not answer no alert can be taken, and the beat is left out."""

    def __init__(self, well: Callable[[], Awaitable[bool]], clock: Clock, heartbeat: Heartbeat) -> None:
        self._well = well
        self._clock = clock
        self._heartbeat = heartbeat

    def use(self, heartbeat: Heartbeat) -> None:
        """From now on ask there."""
        self._heartbeat = heartbeat

    async def run(self) -> None:
        while True:
            await self.beat()
            await self._clock.sleep(self._heartbeat.seconds)

    async def beat(self) -> None:
        """Ask once, if all is well."""
        where = self._heartbeat.where
        if where is None:
            return
        try:
            if await self._well():
                await where.visit()
            else:
                log.warning("no heartbeat: our own store does not answer")
        except DeliveryError as error:
            log.warning("nobody took the heartbeat", error=str(error))
        except Exception:  # the loop must not end: silence would say that we are dead
            log.exception("the heartbeat failed")
