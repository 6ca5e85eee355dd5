"""Plugins that order the queue and hear of events, on a real database."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import pytest
from dbos import SetEnqueueOptions

from aiops_processor.durable.engine import MIDDLE_PRIORITY
from aiops_processor.models.case import Event, Happening
from aiops_processor.plugins import Case, Guarded
from aiops_processor.services.grouping.filtering import Filtering
from aiops_processor.services.grouping.incidents import Incidents
from aiops_processor.services.grouping.policy import Policy, Settling
from aiops_processor.services.own import PLACES, Events, Ordering, Own
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.telemetry import Metrics

pytestmark = pytest.mark.anyio

T = TypeVar("T")
NONE = type(None)


class Listening:
    """The house with one order, one listener and one filter."""

    def __init__(self, house: Any) -> None:
        self.heard: list[Event] = []
        self.order: Callable[[Case], int | None] = lambda case: None
        own = Own(
            Filtering(house.clock, Metrics(), [self._guarded("filter", self._filter)]),
            Ordering(house.database, house.clock, [self._guarded("order", self.ask_order)]),
            Events(house.database, house.clock),
        )
        own.events.use([self._guarded("on_event", self.hear)], "https://aiops.example/")
        house.incidents = house.reconciler._incidents = Incidents(
            house.database, house.clock, ["test"], Settling(10, 30), Policy(), own
        )
        house.analysis._events = house.telling._events = own.events
        self.own = own

    def hear(self, event: Event) -> None:
        self.heard.append(event)
        if event.kind is Happening.TOLD:
            raise ValueError("a listener of somebody else")

    def ask_order(self, case: Case) -> int | None:
        return self.order(case)

    async def kinds(self, count: int) -> list[str]:
        """What was heard, once so many events were."""
        async with asyncio.timeout(120):
            while len(self.heard) < count:  # noqa: ASYNC110 - we are called from threads
                await asyncio.sleep(0.01)
        return [str(event.kind) for event in self.heard]

    def _filter(self, alert: Any, now: Any) -> str | None:
        return "a test" if alert.name == "Test" else None

    def _guarded(self, kind: str, function: Callable[..., Any]) -> Guarded[Any]:
        return Guarded(kind, "mine", function, 30, (str, int, NONE))


@pytest.fixture
async def listening(house: Any) -> AsyncIterator[Listening]:
    made = Listening(house)
    loops = [asyncio.create_task(loop) for loop in made.own.loops()]
    yield made
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)


async def test_everything_that_happens_is_heard_in_order_and_a_listener_that_raises_hears_on(
    house: Any, post: Any, listening: Listening
) -> None:
    await post("Test", "A")
    await house.pass_time(20)
    await post("A", status="resolved")
    await house.pass_time(2)
    heard = await listening.kinds(7)
    assert heard == ["filtered", "opened", "told", "analysed", "told", "resolved", "told"]
    filtered, opened, told, analysed, *_ = listening.heard
    assert filtered.alert is not None
    assert (filtered.alert.name, filtered.text, filtered.case) == ("Test", "mine: a test", None)
    assert opened.case is not None
    assert (opened.case.incident.title, opened.case.url) == ("A", "https://aiops.example/incidents/1")
    assert told.text == "test: opened"
    assert analysed.case is not None
    assert analysed.case.analysis is not None


async def test_the_end_of_an_incident_that_was_another_all_along_is_heard(house: Any, listening: Listening) -> None:
    async def post(group: str, starts: str, **labels: str) -> None:
        alert = {"status": "firing", "labels": {"alertname": group, **labels}, "startsAt": starts}
        await house.ingest.receive(json.dumps({"groupKey": group, "alerts": [alert]}).encode(), "default")

    await post("one", "2026-01-31T11:58:00Z", namespace="shop", service="a")
    await post("two", "2026-01-31T12:01:00Z", service="gateway")
    await house.incidents.group()
    await post("three", "2026-01-31T11:59:00Z", namespace="shop", service="gateway")
    await house.incidents.group()
    assert await listening.kinds(3) == ["opened", "opened", "resolved"]
    opened, resolved = listening.heard[1].case, listening.heard[2].case
    assert opened is not None
    assert resolved is not None
    assert (resolved.incident.id, resolved.incident.merged_into) == (opened.incident.id, 1)


async def test_an_incident_gets_the_place_that_an_order_says(
    house: Any, post: Any, listening: Listening, until: Any
) -> None:
    listening.order = lambda case: -5 if case.alerts[0].name == "A" else None
    await post("A", group="a")
    await post("B", group="b")
    await house.reconciler.tick()

    async def places() -> dict[str, int]:
        return {each.title: each.priority for each in await house.all_incidents()}

    await until(places, lambda found: found["A"] == -5)
    assert (await places())["B"] >= 0


async def test_an_alert_without_group_and_place_is_put_in_order_too(
    house: Any, post: Any, listening: Listening, until: Any
) -> None:
    listening.order = lambda case: -5
    await post("A", group="")
    await house.reconciler.tick()

    async def places() -> list[int]:
        return [each.priority for each in await house.all_incidents()]

    await until(places, lambda found: found == [-5])


@pytest.mark.parametrize("number", [-(2**31), 10**6, 10**30])
async def test_a_place_that_the_queue_does_not_know_is_the_usual_one_and_the_history_says_so(
    house: Any, post: Any, listening: Listening, number: int, until: Any
) -> None:
    listening.order = lambda case: number
    await post("A")
    await house.reconciler.tick()
    (incident,) = await house.all_incidents()

    async def history() -> str:
        async with house.database.read() as connection:
            return " ".join(entry.text for entry in await incident_rows.history(connection, incident.id))

    await until(history, lambda found: "order mine: answered with a number that is not between" in found)
    assert (await house.all_incidents())[0].priority == incident.priority


def test_the_queue_of_analyses_knows_every_place_that_an_order_may_give() -> None:
    for place in (PLACES[0], PLACES[-1]):
        SetEnqueueOptions(priority=MIDDLE_PRIORITY + place)  # raises for one that it does not know


async def test_an_order_that_fails_leaves_the_usual_place_and_the_history_says_so(
    house: Any, post: Any, listening: Listening, until: Any
) -> None:
    def broken(case: Case) -> int:
        raise ValueError("hunter2")

    listening.order = broken
    await post("A")
    await house.reconciler.tick()
    (incident,) = await house.all_incidents()

    async def history() -> list[str]:
        async with house.database.read() as connection:
            return [entry.text for entry in await incident_rows.history(connection, incident.id)]

    said = "order mine: raised ValueError; its place in the queue is the usual one"
    await until(history, lambda found: said in found)
    assert incident.priority >= 0


async def test_an_analysis_that_is_given_up_is_heard_with_the_reason(
    house: Any, post: Any, listening: Listening
) -> None:
    await post("A")
    await house.pass_time(5)
    house.clock.advance(20)
    await house.incidents.claim_due()
    await house.analysis.fail(1, 1, "a fault")
    await listening.kinds(3)
    assert [(each.text) for each in listening.heard if each.kind is Happening.FAILED] == ["a fault"]
