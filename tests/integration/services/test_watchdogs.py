"""The dead man's switch: armed by its first arrival, told when it falls silent and when it is back."""

import json
from datetime import timedelta
from typing import Any

import pytest

from aiops_processor.query.matchers import Matcher
from aiops_processor.services.watching.watchdogs import Expected, Watchdogs
from aiops_processor.storage import retention
from aiops_processor.storage import watchdogs as rows

pytestmark = pytest.mark.anyio

MINUTE = 60


class Scene:
    def __init__(self, house: Any, expected: Expected) -> None:
        self.house = house
        self.expected = expected
        self.restart()

    def restart(self) -> None:
        self.watchdogs = Watchdogs(self.house.database, self.house.clock, ["test"], self.expected)

    async def bark(self, source: str = "default", status: str = "firing", **labels: str) -> None:
        """The Watchdog comes, as Alertmanager repeats it."""
        labels = {"alertname": "Watchdog", "cluster": "eu", **labels}
        ended = self.house.clock.now().isoformat() if status == "resolved" else None
        alert = {"status": status, "labels": labels, "startsAt": "2026-01-31T11:00:00Z", "endsAt": ended}
        await self.house.ingest.receive(json.dumps({"groupKey": "w", "alerts": [alert]}).encode(), source)
        await self.house.reconciler.tick()

    async def wait(self, seconds: int) -> None:
        step = 60 if seconds > 3600 else 10
        for _ in range(seconds // step):
            self.house.clock.advance(step)
            await self.watchdogs.round()
        await self.house.reconciler.tick()

    async def beat(self, times: int, interval: int = 5 * MINUTE) -> None:
        for _ in range(times):
            await self.bark()
            await self.wait(interval)

    @property
    def told(self) -> list[str]:
        return self.house.channel.occasions


@pytest.fixture
def scene(house: Any) -> Scene:
    return Scene(house, Expected())


async def test_a_watchdog_that_falls_silent_is_told_after_twice_its_longest_interval(scene: Scene) -> None:
    await scene.beat(4)
    await scene.wait(4 * MINUTE)
    assert scene.told == []  # nine minutes
    await scene.wait(2 * MINUTE)
    assert scene.told == ["opened"]
    message, key = scene.house.channel.messages[0]
    assert message.alerts[0].name == "WatchdogOverdue"
    assert message.alerts[0].labels["cluster"] == "eu"
    assert (message.incident.id, message.incident.severity, key) == (-1, "critical", "watchdog-1-opened-1-test")
    await scene.wait(3600)
    assert scene.told == ["opened"]
    assert await scene.house.all_incidents() == []


async def test_its_return_is_told_and_so_is_its_next_silence(scene: Scene) -> None:
    await scene.beat(3)
    await scene.wait(20 * MINUTE)
    await scene.beat(3)
    assert scene.told == ["opened", "resolved"]
    await scene.wait(20 * MINUTE)
    assert scene.told == ["opened", "resolved", "opened"]
    assert len({key for _, key in scene.house.channel.messages}) == 3


async def test_the_interval_that_was_an_outage_is_not_learned(scene: Scene) -> None:
    await scene.beat(3)
    await scene.wait(120 * MINUTE)
    await scene.beat(1)
    await scene.wait(11 * MINUTE)
    assert scene.told == ["opened", "resolved", "opened"]


async def test_two_alertmanagers_that_say_it_within_seconds_are_one_word(scene: Scene) -> None:
    for _ in range(3):
        await scene.bark()
        await scene.wait(20)
        await scene.bark()
        await scene.wait(5 * MINUTE - 20)
    assert scene.told == []


async def test_before_an_interval_is_known_it_may_take_hours(scene: Scene) -> None:
    await scene.bark()
    await scene.wait(7 * 3600)
    assert scene.told == []
    await scene.wait(2 * 3600)
    assert scene.told == ["opened"]


async def test_what_came_while_we_were_away_is_not_missed(scene: Scene) -> None:
    """Armed it stays, and the limit is known; but only from now on do we listen."""
    await scene.beat(4)
    scene.house.clock.advance(86400)
    scene.restart()
    await scene.wait(9 * MINUTE)
    assert scene.told == []
    await scene.wait(2 * MINUTE)
    assert scene.told == ["opened"]


async def test_an_overdue_one_is_not_told_again_after_a_restart(scene: Scene) -> None:
    await scene.beat(4)
    await scene.wait(20 * MINUTE)
    scene.restart()
    await scene.wait(60 * MINUTE)
    assert scene.told == ["opened"]
    await scene.bark()
    await scene.wait(10)
    assert scene.told == ["opened", "resolved"]


async def test_two_processes_tell_once(scene: Scene) -> None:
    await scene.beat(4)
    other = Watchdogs(scene.house.database, scene.house.clock, ["test"], Expected())
    await other.round()
    for _ in range(120):
        scene.house.clock.advance(10)
        await scene.watchdogs.round()
        await other.round()
    await scene.house.reconciler.tick()
    assert scene.told == ["opened"]


async def test_one_that_is_expected_by_configuration_need_not_come_first(house: Any) -> None:
    scene = Scene(house, Expected(within=timedelta(minutes=3)))
    await scene.wait(4 * MINUTE)
    assert scene.told == ["opened"]
    await scene.bark()
    await scene.wait(10)
    assert scene.told == ["opened", "resolved"]
    async with house.database.read() as connection:
        (watchdog,) = await rows.listed(connection)
    assert watchdog.labels["cluster"] == "eu"  # the one that came took its place


async def test_each_cluster_has_one_of_its_own(scene: Scene) -> None:
    for _ in range(4):
        await scene.bark(cluster="us")
        await scene.beat(1)
    for _ in range(3):
        await scene.bark(cluster="us")
        await scene.wait(5 * MINUTE)
    assert scene.told == ["opened"]
    assert scene.house.channel.messages[0][0].alerts[0].labels["cluster"] == "eu"


async def test_its_end_is_no_sign_of_life(scene: Scene) -> None:
    """Prometheus is dead: after a while Alertmanager takes all of its alerts for over, and says so."""
    await scene.beat(4)
    await scene.wait(4 * MINUTE)
    await scene.bark(status="resolved")
    await scene.wait(2 * MINUTE)
    assert scene.told == ["opened"]
    await scene.bark(status="resolved")
    await scene.wait(MINUTE)
    assert scene.told == ["opened"]
    await scene.bark()
    await scene.wait(MINUTE)
    assert scene.told == ["opened", "resolved"]


@pytest.mark.parametrize("how", ["by hand", "after long"])
async def test_one_that_was_forgotten_is_armed_when_it_comes_again(scene: Scene, how: str) -> None:
    await scene.beat(4)
    await scene.wait(20 * MINUTE)
    async with scene.house.database.write() as connection:
        if how == "by hand":
            assert await rows.forget(connection, 1)
        else:
            assert await retention.lost_watchdogs(connection, scene.house.clock.now(), 10) == 1
    scene.restart()
    await scene.wait(MINUTE)
    async with scene.house.database.read() as connection:
        assert await rows.listed(connection) == []
    await scene.bark()
    async with scene.house.database.read() as connection:
        assert len(await rows.listed(connection)) == 1


async def test_what_fires_already_is_armed_when_the_configuration_calls_it_a_watchdog(scene: Scene) -> None:
    await scene.bark(alertname="DeadMansSwitch")
    await scene.wait(MINUTE)
    matchers = (Matcher("alertname", "=", "DeadMansSwitch"),)
    scene.watchdogs.use(["test"], Expected(matchers, within=timedelta(minutes=5)))
    await scene.wait(MINUTE)
    async with scene.house.database.read() as connection:
        (watchdog,) = await rows.listed(connection)
    assert watchdog.labels["alertname"] == "DeadMansSwitch"
