"""The time, as an argument: the real clock, one that runs in a recording's time, and one that stands until moved."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What everything asks for the time; never `datetime.now()`."""

    def now(self) -> datetime:
        """The current time, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of this clock's time."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ReplayClock:
    """Recorded time: starts at `start` when made and runs `speed` times as fast as the machine's clock."""

    def __init__(self, start: datetime, speed: float = 1.0) -> None:
        self._start = start
        self._speed = speed
        self._made = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._made) * self._speed)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)


class SteppedClock:
    """Time that stands still until it is moved: what is done meanwhile is done at one moment, however long it takes."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait for that time to come, or for any `move`: who works in a loop looks again, and sleeps again."""
        if seconds > 0:
            await self._moved.wait()

    def move(self, to: datetime) -> None:
        """Go on to this time, never back, and wake everybody.

        Those too who have not slept enough: one who was about to sleep when the time moved would else miss it.
        """
        self._now = max(self._now, to)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
