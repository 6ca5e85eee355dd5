"""Incidents that turn out to be one: the younger one goes on as the older one, and who was told of it is told so."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from aiops_processor.models.incident import IncidentState
from aiops_processor.query import matchers
from aiops_processor.services.telling.routing import Route, Routing
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import incidents as incident_rows

pytestmark = pytest.mark.anyio


async def merge(house: Any, services: Sequence[str]) -> None:
    """One alert of each service, incidents of their own; then one of the last one's group that is of the first."""

    async def fire(name: str, service: str, group: str) -> None:
        alert = {"status": "firing", "labels": {"alertname": name, "service": service}}
        body = {"groupKey": group, "alerts": [{**alert, "startsAt": "2026-01-31T11:59:00Z"}]}
        await house.ingest.receive(json.dumps(body).encode(), "default")
        await house.incidents.group()

    if not await house.all_incidents():
        for service in services:
            await fire("A", service, service)
        return
    await fire("Bridge", services[0], services[-1])


@pytest.mark.parametrize("done", [[], ["begin"], ["begin", "gather"], ["begin", "gather", "explain"]])
async def test_one_that_is_merged_while_it_is_analysed_ends_quietly(house: Any, done: list[str]) -> None:
    await merge(house, ["a", "b"])
    await house.incidents.claim_due()
    house.clock.advance(20)
    await house.incidents.claim_due()
    steps = [house.analysis.begin, house.analysis.gather, house.analysis.explain, house.analysis.tell]
    for step in steps[: len(done)]:
        await step(2, 1)
    await merge(house, ["a", "b"])
    for step in steps[len(done) :]:
        await step(2, 1)
    await house.analysis.fail(2, 1, "a fault")
    younger, older = await house.all_incidents()
    assert (younger.state, younger.merged_into) == (IncidentState.RESOLVED, older.id)
    async with house.database.read() as connection:
        history = [entry.kind for entry in await incident_rows.history(connection, younger.id)]
    assert history == ["opened", "resolved"]


async def test_two_incidents_that_turn_out_to_be_one_are_merged(house: Any) -> None:
    def webhook(group: str, starts: str, **labels: str) -> bytes:
        alert = {"status": "firing", "labels": {"alertname": group, **labels}, "startsAt": starts}
        return json.dumps({"groupKey": group, "alerts": [alert]}).encode()

    await house.ingest.receive(webhook("one", "2026-01-31T11:58:00Z", namespace="shop", service="a"), "default")
    await house.ingest.receive(webhook("two", "2026-01-31T12:01:00Z", service="gateway"), "default")
    await house.pass_time(2)
    assert len(await house.all_incidents()) == 2
    bridge = webhook("three", "2026-01-31T11:59:00Z", namespace="shop", service="gateway")
    await house.ingest.receive(bridge, "default")
    await house.pass_time(40)
    younger, older = await house.all_incidents()
    assert (younger.merged_into, younger.state) == (older.id, IncidentState.RESOLVED)
    assert older.state == IncidentState.ANALYSED
    async with house.database.read() as connection:
        assert len(await alert_rows.of_incident(connection, older.id)) == 3
        history = [entry.text for entry in await incident_rows.history(connection, younger.id)]
    assert any("is the same as incident 1: same gateway" in text for text in history)
    told = [(message.incident.id, str(message.occasion)) for message, _ in house.channel.messages]
    assert sorted(told) == [(1, "analysed"), (1, "opened"), (2, "opened"), (2, "resolved")]


async def two_that_are_the_same_after_all(house: Any, severity: str) -> None:
    """An incident of warnings, and one of this severity that began too late to belong to it; then what ties them."""

    async def post(name: str, severity: str, status: str = "firing", starts: datetime | None = None) -> None:
        now = house.clock.now()
        alert = {
            "status": status,
            "labels": {"alertname": name, "service": "cart", "severity": severity},
            "startsAt": (starts or now).isoformat(),
            "endsAt": now.isoformat() if status == "resolved" else None,
        }
        await house.ingest.receive(json.dumps({"groupKey": name, "alerts": [alert]}).encode(), "default")
        await house.pass_time(2)

    began = house.clock.now()
    await post("Latency", "warning")
    await post("Queue", "warning")
    await post("Latency", "warning", "resolved", began)
    await house.pass_time(400, tick=10)
    await post("Down", severity)
    await house.pass_time(40)
    assert len(await house.all_incidents()) == 2
    house.channel.messages.clear()
    await post("Latency", "warning")
    younger, older = await house.all_incidents()
    assert (younger.merged_into, older.severity) == (older.id, severity)


async def test_a_graver_incident_that_turns_out_to_be_the_same_makes_the_older_one_graver_at_once(house: Any) -> None:
    """Who was paged for the younger one is told that it is closed: else nobody would look after what still fires."""
    await two_that_are_the_same_after_all(house, "critical")
    told = {(each.incident.id, str(each.occasion), each.incident.severity) for each, _ in house.channel.messages}
    assert told == {(2, "resolved", "critical"), (1, "joined", "critical")}
    await house.pass_time(70)
    assert house.channel.occasions[2:] == ["analysed"]


async def test_who_knows_only_the_younger_of_two_that_are_the_same_is_told_where_it_goes_on(house: Any) -> None:
    downs = Route(frozenset({"test"}), matchers.parse_all(('alertname="Down"',)))
    house.telling.use({"test": house.channel}, "https://aiops.example/", routing=Routing((downs,)))
    await two_that_are_the_same_after_all(house, "warning")
    told = {(each.incident.id, str(each.occasion), each.url) for each, _ in house.channel.messages}
    there = "https://aiops.example/incidents/1"
    assert told == {(2, "resolved", there), (1, "joined", there)}


async def test_who_knows_both_of_two_that_are_the_same_hears_only_that_one_is_closed(house: Any) -> None:
    await two_that_are_the_same_after_all(house, "warning")
    assert [(each.incident.id, str(each.occasion)) for each, _ in house.channel.messages] == [(2, "resolved")]
