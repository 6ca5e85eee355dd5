"""The clock is set forward and back: nothing waits for a time that will not come, and nothing is repeated."""

from typing import Any

import pytest

pytestmark = pytest.mark.anyio

HOUR = 3600.0


@pytest.mark.parametrize("step", [-3 * HOUR, -0.1 * HOUR, 2 * HOUR, 72 * HOUR])
async def test_what_is_under_way_goes_on(house: Any, post: Any, step: float) -> None:
    await post("Settling", group="a")
    await house.pass_time(2)
    house.clock.advance(step)
    await post("After", group="b", starts="2026-02-10T12:00:00Z")
    await house.pass_time(90)
    assert sorted(house.analysed) == [(1, 1), (2, 1)]
    assert sorted(house.channel.occasions) == ["analysed", "analysed", "opened", "opened"]


async def test_a_message_that_waits_for_its_next_try_does_not_wait_for_the_old_time(house: Any, post: Any) -> None:
    await post("A")
    house.telling, telling = Ended(), house.telling
    await house.reconciler.tick()
    house.telling = telling
    house.clock.advance(-5 * HOUR)
    await house.pass_time(60)
    assert "opened" in house.channel.occasions


class Ended:
    """A process that claims what is due and is killed."""

    async def deliver(self, delivery_id: int, attempt: int) -> None: ...
