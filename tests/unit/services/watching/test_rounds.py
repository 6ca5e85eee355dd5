"""Each source is looked at by itself."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from aiops_processor.clock import SteppedClock
from aiops_processor.errors import SourceError
from aiops_processor.services.watching.rounds import Rounds

pytestmark = pytest.mark.anyio

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
SECONDS = 60.0


class Look:
    """Counts its rounds; fails as it is told to, and waits while it is held."""

    def __init__(self, error: Exception | None = None) -> None:
        self.rounds = 0
        self.error = error
        self.free = asyncio.Event()
        self.free.set()

    async def round(self) -> None:
        self.rounds += 1
        await self.free.wait()
        if self.error:
            raise self.error


class Minutes:
    """Rounds under way; each call is a minute."""

    def __init__(self) -> None:
        self.clock = SteppedClock(START)
        self.rounds = Rounds(self.clock)
        self._passed = 0

    async def __call__(self) -> None:
        await settled()
        self._passed += 1
        self.clock.move(START + timedelta(minutes=self._passed))
        await settled()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
async def minute() -> AsyncIterator[Minutes]:
    minutes = Minutes()
    running = asyncio.create_task(minutes.rounds.run())
    yield minutes
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("error", [SourceError("prometheus", "is down"), ValueError("a fault of ours")])
async def test_one_that_fails_is_looked_at_again_and_holds_up_no_other(minute: Minutes, error: Exception) -> None:
    fails, works = Look(error), Look()
    minute.rounds.use((fails, works), SECONDS)
    for _ in range(3):
        await minute()
    assert (fails.rounds, works.rounds) == (3, 3)


async def test_one_that_hangs_holds_up_no_other_and_goes_on_when_it_ends(minute: Minutes) -> None:
    hangs, works = Look(), Look()
    hangs.free.clear()
    minute.rounds.use((hangs, works), SECONDS)
    for _ in range(3):
        await minute()
    assert (hangs.rounds, works.rounds) == (1, 3)
    hangs.free.set()
    await minute()
    assert (hangs.rounds, works.rounds) == (2, 4)


async def test_one_that_is_not_configured_any_more_is_left_alone(minute: Minutes) -> None:
    gone, stays = Look(), Look()
    minute.rounds.use((gone, stays), SECONDS)
    await minute()
    minute.rounds.use((stays,), SECONDS)
    await minute()
    assert (gone.rounds, stays.rounds) == (1, 2)
