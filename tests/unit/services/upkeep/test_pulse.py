import pytest

from aiops_processor.clock import SystemClock
from aiops_processor.errors import DeliveryUnavailable
from aiops_processor.services.upkeep.pulse import Heartbeat, Pulse

pytestmark = pytest.mark.anyio


class Address:
    def __init__(self, error: Exception | None = None) -> None:
        self.visits = 0
        self.error = error

    async def visit(self) -> None:
        self.visits += 1
        if self.error:
            raise self.error

    async def aclose(self) -> None: ...


async def well() -> bool:
    return True


async def ill() -> bool:
    return False


async def broken() -> bool:
    raise RuntimeError("a fault")


async def test_it_beats_while_all_is_well_and_then_only() -> None:
    address = Address()
    await Pulse(well, SystemClock(), Heartbeat(address)).beat()
    await Pulse(ill, SystemClock(), Heartbeat(address)).beat()
    await Pulse(broken, SystemClock(), Heartbeat(address)).beat()
    assert address.visits == 1


@pytest.mark.parametrize("error", [DeliveryUnavailable("away"), RuntimeError("a fault")])
async def test_a_beat_that_nobody_takes_is_not_the_last(error: Exception) -> None:
    address = Address(error)
    pulse = Pulse(well, SystemClock(), Heartbeat(address))
    await pulse.beat()
    await pulse.beat()
    assert address.visits == 2


async def test_without_an_address_nobody_is_asked() -> None:
    await Pulse(broken, SystemClock(), Heartbeat()).beat()
