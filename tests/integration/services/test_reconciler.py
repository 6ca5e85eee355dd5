"""One round after another: what fails in one part, or takes long, does not hold up the others."""

from typing import Any

import pytest

from aiops_processor.services.grouping.incidents import Incidents
from aiops_processor.services.grouping.policy import Settling
from aiops_processor.services.upkeep.reconciler import Reconciler, rest_after

pytestmark = pytest.mark.anyio


class CannotGroup(Incidents):
    async def group(self) -> bool:
        raise OverflowError("date value out of range")


async def test_where_grouping_fails_what_is_known_is_told_and_analysed(house: Any, post: Any) -> None:
    await post("A")
    await house.incidents.group()
    incidents = CannotGroup(house.database, house.clock, ["test"], Settling(10, 30))
    house.reconciler = Reconciler(house.database, incidents, house, house.clock)
    await house.pass_time(20)
    assert (house.channel.occasions, house.analysed) == (["opened", "analysed"], [(1, 1)])


class InBatches(Incidents):
    """Three batches; `told` is what people had been told when each began."""

    def __init__(self, house: Any) -> None:
        super().__init__(house.database, house.clock, ["test"], Settling(10, 30))
        self._channel = house.channel
        self.told: list[int] = []

    async def group(self) -> bool:
        self.told.append(len(self._channel.messages))
        await super().group()
        return len(self.told) < 3


async def test_what_the_first_batch_of_a_storm_opened_is_told_before_the_next(house: Any, post: Any) -> None:
    await post("A")
    incidents = InBatches(house)
    await Reconciler(house.database, incidents, house, house.clock).tick()
    assert incidents.told == [0, 1, 1]


def test_posts_get_the_processor_for_longer_than_grouping_but_never_for_long() -> None:
    assert [rest_after(worked) for worked in (0, 0.1, 0.3, 60)] == pytest.approx([0, 0.3, 0.9, 1])
