"""What a filter keeps out is stored with the reason, and a filter that fails keeps nothing out."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor.plugins import Guarded
from aiops_processor.services.grouping.filtering import Filtering
from aiops_processor.services.grouping.incidents import Incidents
from aiops_processor.services.grouping.policy import Policy, Settling
from aiops_processor.services.own import Events, Ordering, Own
from aiops_processor.storage import filtered
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.telemetry import Metrics

pytestmark = pytest.mark.anyio

NONE = type(None)


def no_tests(alert: Any, now: Any) -> str | None:
    return "only a test" if alert.name.startswith("Test") else None


def broken(alert: Any, now: Any) -> str | None:
    raise ValueError("hunter2")


@pytest.fixture
def use(house: Any) -> Callable[..., Metrics]:
    """Put filters in front of the house's incidents."""

    def put(*functions: Callable[..., Any], seconds: float = 30, at_once_seconds: float = 30) -> Metrics:
        metrics = Metrics()
        guarded = [Guarded[Any]("filter", each.__name__, each, seconds, (str, NONE)) for each in functions]
        own = Own(
            Filtering(house.clock, metrics, guarded, at_once_seconds),
            Ordering(house.database, house.clock),
            Events(house.database, house.clock),
        )
        house.incidents = Incidents(house.database, house.clock, ["test"], Settling(10, 30), Policy(), own)
        house.reconciler._incidents = house.incidents
        return metrics

    return put


async def test_a_filtered_alert_makes_no_incident_and_is_kept_with_the_reason(house: Any, post: Any, use: Any) -> None:
    metrics = use(no_tests)
    await post("TestA", "Real")
    await house.pass_time(20)
    (incident,) = await house.all_incidents()
    assert incident.title == "Real"
    async with house.database.read() as connection:
        (kept,) = await filtered.recent(connection, 10)
        assert await filtered.get(connection, kept.id) == kept
        assert await filtered.recent(connection, 10, before=kept.id) == []
    assert (kept.alert.name, kept.reason) == ("TestA", "no_tests: only a test")
    assert b'aiops_alerts_filtered_total{filter="no_tests"} 1.0' in metrics.exposition()


async def test_what_was_filtered_stays_so_and_its_end_is_written_down(house: Any, post: Any, use: Any) -> None:
    use(no_tests)
    await post("TestA")
    await house.pass_time(5)
    await post("TestA")
    await post("TestA", status="resolved")
    await house.pass_time(5)
    async with house.database.read() as connection:
        (kept,) = await filtered.recent(connection, 10)
    assert kept.ended_at is not None
    assert house.channel.messages == []


async def test_a_filter_that_raises_lets_the_alert_go_on_and_its_history_says_so(
    house: Any, post: Any, use: Any
) -> None:
    use(broken, no_tests)
    await post("Real", "TestA")
    await house.pass_time(20)
    (incident,) = await house.all_incidents()
    async with house.database.read() as connection:
        history = [entry.text for entry in await incident_rows.history(connection, incident.id)]
    assert history.count("filter broken: raised ValueError; the alert went on") == 1
    assert "hunter2" not in str(history)
    assert house.channel.occasions == ["opened", "analysed"]


async def test_a_filter_that_hangs_delays_nobody_for_longer_than_its_time(house: Any, post: Any, use: Any) -> None:
    release = threading.Event()

    def hanging(alert: Any, now: Any) -> None:
        release.wait()

    use(hanging, seconds=0.05)
    await post("A", "B")
    await house.pass_time(20)
    release.set()
    (incident,) = await house.all_incidents()
    async with house.database.read() as connection:
        history = " ".join(entry.text for entry in await incident_rows.history(connection, incident.id))
    assert "filter hanging: no answer within 0.05 s; the alert went on" in history
    assert "an earlier call has not ended yet" in history


async def test_a_slow_filter_lets_people_be_told_of_what_it_has_judged(house: Any, post: Any, use: Any) -> None:
    told: list[list[str]] = []

    def slow(alert: Any, now: Any) -> None:
        told.append(house.channel.occasions)

    use(slow, at_once_seconds=0)
    await post("A", group="a")
    await post("B", group="b")
    await post("Watchdog", group="w")
    await house.reconciler.tick()
    assert told == [[], ["opened"]]
    assert len(await house.all_incidents()) == 2


async def test_what_is_due_is_analysed_while_a_slow_filter_judges_others(house: Any, post: Any, use: Any) -> None:
    analysed: list[list[tuple[int, int]]] = []

    def slow(alert: Any, now: Any) -> None:
        analysed.append(list(house.analysed))

    use(slow, at_once_seconds=0)
    await post("A", group="a")
    await house.pass_time(5)
    house.clock.advance(20)
    await post("B", group="b")
    await post("C", group="c")
    await house.reconciler.tick()
    assert analysed == [[], [], [(1, 1)]]


async def test_a_reason_that_no_database_takes_is_written_as_far_as_it_can_be(house: Any, post: Any, use: Any) -> None:
    def odd(alert: Any, now: Any) -> str | None:
        return "half \ud800, nothing \0" if alert.name == "Odd" else None

    use(odd)
    await post("Odd", "Real")
    await house.pass_time(2)
    async with house.database.read() as connection:
        (kept,) = await filtered.recent(connection, 10)
    assert kept.reason == "odd: half ?, nothing \N{SYMBOL FOR NULL}"
    assert house.channel.occasions == ["opened"]


async def test_the_watchdog_is_not_asked_about(house: Any, post: Any, use: Any) -> None:
    asked: list[str] = []

    def listening(alert: Any, now: Any) -> None:
        asked.append(alert.name)

    use(listening)
    await post("Watchdog", "A")
    await house.pass_time(2)
    assert asked == ["A"]


async def test_a_filtered_alert_can_be_analysed_by_hand(house: Any, post: Any, use: Any) -> None:
    use(no_tests)
    await post("TestA")
    await house.pass_time(2)
    async with house.database.read() as connection:
        (kept,) = await filtered.recent(connection, 10)
    incident = await house.incidents.open_by_hand([kept.alert], notify=False, reason="asked for by hand")
    await house.analyse(incident.id, incident.generation)
    async with house.database.read() as connection:
        _, result = await incident_rows.latest_analysis(connection, incident.id)
    assert result is not None
    assert result.alert_name == "TestA"
