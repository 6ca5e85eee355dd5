"""One round after another: what fails in one part, or takes long, does not hold up the others."""

from typing import Any

import pytest

from aiops_processor.services.incidents import Incidents, Settling
from aiops_processor.services.reconciler import Reconciler

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
