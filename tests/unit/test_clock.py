import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from aiops_processor.clock import SteppedClock

pytestmark = pytest.mark.anyio

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


async def test_a_stepped_clock_stands_still_until_it_is_moved() -> None:
    clock = SteppedClock(START)
    sleeping = asyncio.create_task(clock.sleep(5))
    await asyncio.sleep(0)
    assert not sleeping.done()
    assert clock.now() == START
    clock.move(START + timedelta(seconds=5))
    await sleeping
    assert clock.now() == START + timedelta(seconds=5)


async def test_a_move_wakes_even_who_wants_to_sleep_longer() -> None:
    clock = SteppedClock(START)
    sleeping = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)
    clock.move(START)
    await asyncio.wait_for(sleeping, 1)
    assert clock.now() == START, "it wakes to look again, and no time has passed"


async def test_a_stepped_clock_never_goes_back() -> None:
    clock = SteppedClock(START)
    clock.move(START - timedelta(seconds=1))
    assert clock.now() == START
