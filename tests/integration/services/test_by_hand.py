"""Acknowledging, failed analyses, flapping, priority, and rules of one's own."""

import json
from typing import Any

import pytest

from aiops_processor.models.incident import IncidentState
from aiops_processor.query import matchers
from aiops_processor.services.by_hand import ByHand
from aiops_processor.services.grouping.incidents import FLAPS
from aiops_processor.services.grouping.own_rules import OwnRule
from aiops_processor.services.grouping.policy import Policy
from aiops_processor.services.grouping.priority import Level, Priority
from aiops_processor.storage import incidents as incident_rows

pytestmark = pytest.mark.anyio


async def fire(house: Any, name: str, at: str = "2026-01-31T11:59:00Z", **labels: str) -> None:
    alert = {"status": "firing", "labels": {"alertname": name, "service": name, **labels}, "startsAt": at}
    await house.ingest.receive(json.dumps({"groupKey": name, "alerts": [alert]}).encode(), "default")


async def history(house: Any) -> list[str]:
    async with house.database.read() as connection:
        return [entry.text for entry in await incident_rows.history(connection, 1)]


async def test_an_incident_is_acknowledged_once_until_it_fires_again(house: Any, post: Any) -> None:
    by_hand = ByHand(house.database, house.clock)
    await post("A")
    await house.pass_time(2)
    first = await by_hand.acknowledge(1, "ada")
    assert first is not None
    assert first.acknowledged_by == "ada"
    assert await by_hand.acknowledge(1, "bob") == first
    assert "acknowledged by ada" in await history(house)
    await post("A", status="resolved")
    await house.pass_time(2)
    assert (await house.all_incidents())[0].acknowledged_by == "ada"
    await post("A", starts="2026-01-31T12:00:30Z")
    await house.pass_time(2)
    assert (await house.all_incidents())[0].acknowledged_at is None
    assert await by_hand.acknowledge(7, "ada") is None


async def test_an_acknowledgement_can_be_withdrawn(house: Any, post: Any) -> None:
    by_hand = ByHand(house.database, house.clock)
    await post("A")
    await house.pass_time(2)
    await by_hand.acknowledge(1, "ada")
    withdrawn = await by_hand.withdraw(1)
    assert withdrawn is not None
    assert withdrawn.acknowledged_at is None


async def test_a_failed_analysis_is_made_again_by_hand_and_no_other(house: Any, post: Any) -> None:
    by_hand = ByHand(house.database, house.clock)
    await post("A")
    await house.pass_time(5)
    house.clock.advance(20)
    await house.incidents.claim_due()
    await house.analysis.fail(1, 1, "it broke")
    assert (await house.all_incidents())[0].state == IncidentState.FAILED
    again = await by_hand.analyse_again(1)
    assert again is not None
    assert again.state == IncidentState.OPEN
    await house.pass_time(2)
    (incident,) = await house.all_incidents()
    assert (incident.state, house.channel.occasions) == (IncidentState.ANALYSED, ["opened", "analysed"])
    untouched = await by_hand.analyse_again(1)
    assert untouched is not None
    assert untouched.state == IncidentState.ANALYSED
    assert await by_hand.analyse_again(7) is None


async def test_what_comes_back_again_and_again_is_flapping_and_not_analysed_each_time(house: Any, post: Any) -> None:
    await post("A")
    await house.pass_time(90)
    for number in range(FLAPS + 2):
        await post("A", status="resolved")
        await house.pass_time(5)
        await post("A", starts=f"2026-01-31T12:0{number + 2}:00Z")
        await house.pass_time(90, tick=5)
    (incident,) = await house.all_incidents()
    assert (incident.flapping, incident.reopened) == (True, FLAPS + 2)
    assert len(house.analysed) == 1 + FLAPS
    assert sum("is flapping" in text for text in await history(house)) == 1


async def test_the_most_urgent_is_analysed_first(house: Any) -> None:
    urgent = Level(matchers.parse('team="payments"'), -1)
    house.incidents.use(["test"], house.incidents._settling, Policy(priority=Priority(levels=(urgent,))))
    await fire(house, "info", severity="info")
    await fire(house, "critical", severity="critical")
    await fire(house, "paid", severity="low", team="payments")
    house.room = 1
    await house.pass_time(15)
    titles = {incident.id: incident.title for incident in await house.all_incidents()}
    assert [titles[number].split()[0] for number, _ in house.analysed] == ["paid", "critical", "info"]


async def test_rules_of_ones_own_hold_between_batches_too(house: Any) -> None:
    rule = OwnRule("racks", matchers.parse('rack!=""'), ("rack",), 900)
    house.incidents.use(["test"], house.incidents._settling, Policy(own=(rule,)))
    await fire(house, "A", "2026-01-31T11:50:00Z", rack="r1")
    await house.pass_time(2)
    await fire(house, "B", "2026-01-31T12:00:00Z", rack="r1")
    await fire(house, "C", "2026-01-31T12:00:00Z", rack="r2")
    await house.pass_time(2)
    assert len(await house.all_incidents()) == 2
    assert "B on B: rule racks: rack=r1, begun 600 s apart" in await history(house)


async def test_rules_of_ones_own_keep_clusters_apart(house: Any) -> None:
    rule = OwnRule("racks", (), ("rack",), 900)
    house.incidents.use(["test"], house.incidents._settling, Policy(own=(rule,)))
    await fire(house, "A", rack="r1", cluster="one")
    await house.pass_time(2)
    await fire(house, "B", rack="r1", cluster="two")
    await house.pass_time(2)
    assert len(await house.all_incidents()) == 2
