"""Routes, quiet hours and reminders, through the outbox on real databases."""

from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from aiops_processor.errors import DeliveryUnavailable
from aiops_processor.models.notification import Delivery, DeliveryState, Occasion
from aiops_processor.services.by_hand import ByHand
from aiops_processor.services.telling.reminders import Reminders
from aiops_processor.services.telling.routing import Quiet, Route, Routing
from aiops_processor.storage import outbox

pytestmark = pytest.mark.anyio

HALF_AN_HOUR = timedelta(minutes=30)


def route(house: Any, **of: Any) -> Routing:
    made = Routing((Route(frozenset({"test"}), **of),))
    house.telling.use({"test": house.channel}, "", None, made)
    return made


async def deliveries(house: Any) -> list[Delivery]:
    async with house.database.read() as connection:
        return await outbox.of_incident(connection, 1)


async def test_what_no_route_lets_through_is_shown_with_its_reason(house: Any, post: Any) -> None:
    route(house, min_severity="critical", on=frozenset({"opened"}))
    await post("A")
    await house.pass_time(12)
    assert house.channel.messages == []
    told = [(each.state, each.error) for each in await deliveries(house)]
    assert told == [(DeliveryState.SKIPPED, "its severity is below critical")] * 2


async def test_quiet_hours_hold_messages_until_they_end(house: Any, post: Any) -> None:
    soon = (house.clock.now() + timedelta(minutes=2)).time().replace(second=0, microsecond=0)
    routing = route(house, quiet=(Quiet(time(0), soon, ZoneInfo("UTC")),))
    await post("A")
    await house.pass_time(12)
    assert house.channel.messages == []
    assert {each.state for each in await deliveries(house)} == {DeliveryState.HELD}
    house.clock.advance(180)
    await Reminders(house.database, house.clock, routing).round()
    await house.pass_time(2)
    assert house.channel.occasions == ["opened", "analysed"]


async def test_what_ends_in_quiet_hours_is_not_told(house: Any, post: Any) -> None:
    soon = (house.clock.now() + timedelta(minutes=2)).time().replace(second=0, microsecond=0)
    routing = route(house, quiet=(Quiet(time(0), soon, ZoneInfo("UTC")),))
    await post("A")
    await house.pass_time(12)
    await post("A", status="resolved")
    await house.pass_time(2)
    house.clock.advance(180)
    await Reminders(house.database, house.clock, routing).round()
    await house.pass_time(2)
    assert house.channel.messages == []
    assert {each.state for each in await deliveries(house)} == {DeliveryState.SKIPPED}


async def test_what_was_held_back_does_not_ring_for_what_somebody_has_looked_after_meanwhile(
    house: Any, post: Any
) -> None:
    soon = (house.clock.now() + timedelta(minutes=2)).time().replace(second=0, microsecond=0)
    routing = route(house, quiet=(Quiet(time(0), soon, ZoneInfo("UTC")),))
    await post("A")
    await house.pass_time(12)
    await ByHand(house.database, house.clock).acknowledge(1, "ada")
    house.clock.advance(180)
    await Reminders(house.database, house.clock, routing).round()
    await house.pass_time(2)
    assert house.channel.messages == []
    held = [each for each in await deliveries(house) if each.occasion is not Occasion.ACKNOWLEDGED]
    told = [(each.state, each.error) for each in held]
    assert told == [(DeliveryState.SKIPPED, "somebody looked after it before the quiet hours were over")] * 2


async def test_people_are_reminded_until_somebody_looks_after_it(house: Any, post: Any) -> None:
    reminders = Reminders(house.database, house.clock, route(house, remind_after=HALF_AN_HOUR))
    await post("A")
    await house.pass_time(12)
    for _ in range(4):  # twice in each half an hour: one reminder
        await reminders.round()
        await house.pass_time(1)
        house.clock.advance(15 * 60)
    await reminders.round()
    await house.pass_time(1)
    assert house.channel.occasions == ["opened", "analysed", "reminded", "reminded"]
    await ByHand(house.database, house.clock).acknowledge(1, "ada")
    house.clock.advance(3600)
    await reminders.round()
    await house.pass_time(1)
    assert house.channel.occasions == ["opened", "analysed", "reminded", "reminded"]
    (said,) = [each for each in await deliveries(house) if each.occasion == "acknowledged"]
    assert said.error == "this channel cannot say that somebody looks after it"


async def test_reminders_do_not_pile_up_before_a_channel_that_is_away(house: Any, post: Any) -> None:
    reminders = Reminders(house.database, house.clock, route(house, remind_after=HALF_AN_HOUR))
    await post("A")
    await house.pass_time(12)
    house.channel.error = DeliveryUnavailable("away", 300)
    for _ in range(4):
        house.clock.advance(30 * 60)
        await reminders.round()
        await house.pass_time(1)
    assert [each.occasion for each in await deliveries(house)].count(Occasion.REMINDED) == 1


async def test_a_channel_that_can_say_so_is_told_who_looks_after_it(house: Any, post: Any) -> None:
    house.channel.acknowledges = True
    await post("A")
    await house.pass_time(12)
    await ByHand(house.database, house.clock).acknowledge(1, "ada")
    await house.pass_time(1)
    message, _ = house.channel.messages[-1]
    assert (message.occasion, message.incident.acknowledged_by) == ("acknowledged", "ada")
