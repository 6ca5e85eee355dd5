"""What fired and ended while nobody could tell us: recorded, marked, never told."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aiops_processor.clients.prometheus import Rule
from aiops_processor.errors import SourceUnavailable
from aiops_processor.models.incident import IncidentState
from aiops_processor.models.samples import Answer, Series
from aiops_processor.services.grouping.policy import Policy
from aiops_processor.services.watching.missed import Patience
from aiops_processor.services.watching.reconstructed import REASON, Reconstructed, Run, Unknown, runs_of
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import readings
from aiops_processor.storage.readings import Fired

pytestmark = pytest.mark.anyio

EVERY = 15  # seconds between two evaluations


class Prometheus:
    """Has series of `ALERTS` in memory and answers the two questions that are asked of it."""

    def __init__(self) -> None:
        self.fired: list[tuple[dict[str, str], datetime, datetime]] = []
        self.asked: list[str] = []
        self.down = False

    async def rules(self) -> Answer[list[Rule]]:
        return Answer([Rule("Known", "x > 1", "alerting", every_seconds=EVERY)])

    async def query(self, expr: str, at: datetime) -> Answer[list[Series]]:
        self.asked.append(expr)
        if self.down:
            raise SourceUnavailable("down")
        windows = [timedelta(seconds=int(each)) for each in re.findall(r"\[(\d+)s\]", expr)]
        if "unless" in expr:
            recent = [series.labels for series in self._series(at - windows[1], at)]
            return Answer([series for series in self._series(at - windows[0], at) if series.labels not in recent])
        names = re.search(r'alertname=~"(.*?)"', expr)
        assert names is not None
        return Answer(
            [each for each in self._series(at - windows[0], at) if re.fullmatch(names[1], each.labels["alertname"])]
        )

    def _series(self, first: datetime, last: datetime) -> list[Series]:
        found: dict[str, Series] = {}
        for labels, begin, end in self.fired:
            times = range(int(begin.timestamp()), int(end.timestamp()) + 1, EVERY)
            points = [(float(t), 1.0) for t in times if first.timestamp() <= t <= last.timestamp()]
            if points:
                whole = {"__name__": "ALERTS", "alertstate": "firing", **labels}
                known = found.setdefault(json.dumps(whole), Series(whole, []))
                known.points.extend(points)
        return list(found.values())


class Scene:
    def __init__(self, house: Any) -> None:
        self.house = house
        self.prometheus = Prometheus()
        self.restart()

    def restart(self) -> None:
        self.reconstructed = Reconstructed(self.house.database, self.house.clock)
        self.reconstructed.use(self.prometheus, Policy(), Patience())

    def fire(self, minutes_ago: float, for_minutes: float, **labels: str) -> None:
        begin = self.house.clock.now() - timedelta(minutes=minutes_ago)
        self.prometheus.fired.append((labels, begin, begin + timedelta(minutes=for_minutes)))

    async def post(self, name: str, minutes_ago: float, ended: float | None = None, **labels: str) -> None:
        """What Alertmanager posts has Prometheus' external labels besides."""
        now = self.house.clock.now()
        alert = {
            "status": "firing" if ended is None else "resolved",
            "labels": {"alertname": name, "cluster": "eu", **labels},
            "startsAt": (now - timedelta(minutes=minutes_ago)).isoformat(),
            "endsAt": None if ended is None else (now - timedelta(minutes=ended)).isoformat(),
        }
        await self.house.ingest.receive(json.dumps({"groupKey": name, "alerts": [alert]}).encode(), "default")
        await self.house.reconciler.tick()

    async def rounds(self, minutes: int) -> None:
        for _ in range(minutes):
            await self.reconstructed.round()
            self.house.clock.advance(60)

    async def away(self, minutes: int) -> None:
        self.house.clock.advance(60 * minutes)
        self.restart()

    async def found(self) -> list[str]:
        return sorted(each.title for each in await self.house.all_incidents() if each.reason == REASON)


@pytest.fixture
async def scene(house: Any) -> Scene:
    scene = Scene(house)
    await scene.post("Known", 5, service="db")
    await scene.rounds(10)
    return scene


async def test_what_fired_and_ended_while_we_were_away_is_recorded_and_not_told(scene: Scene) -> None:
    await scene.away(60)
    scene.fire(40, 10, alertname="Known", service="cart", severity="critical")
    await scene.rounds(1)
    await scene.house.pass_time(60)
    assert await scene.found() == ["Known on cart"]
    incident = (await scene.house.all_incidents())[0]
    assert (incident.state, incident.severity, incident.generation) == (IncidentState.RESOLVED, "critical", 0)
    async with scene.house.database.read() as connection:
        (episode,) = await alert_rows.of_incident(connection, incident.id)
    assert episode.reconstructed
    assert episode.ended_at == episode.alert.starts_at + timedelta(minutes=10)
    assert incident.id not in {message.incident.id for message, _ in scene.house.channel.messages}


async def test_it_is_recorded_once(scene: Scene) -> None:
    await scene.away(60)
    scene.fire(40, 10, alertname="Known", service="cart")
    await scene.rounds(20)
    scene.restart()
    await scene.rounds(20)
    assert await scene.found() == ["Known on cart"]


async def test_an_alert_whose_name_never_reached_us_is_somebody_elses(scene: Scene) -> None:
    await scene.away(60)
    scene.fire(40, 10, alertname="Theirs", service="cart")
    await scene.rounds(2)
    assert await scene.found() == []


async def test_what_we_know_is_recognised_without_the_external_labels(scene: Scene) -> None:
    await scene.away(60)
    scene.fire(40, 10, alertname="Known", service="cart")
    await scene.post("Known", 40, ended=30, service="cart")
    await scene.rounds(2)
    assert await scene.found() == []


async def test_the_same_alert_at_another_time_is_another_one(scene: Scene) -> None:
    await scene.away(120)
    await scene.post("Known", 110, ended=100, service="cart")
    scene.fire(110, 10, alertname="Known", service="cart")
    scene.fire(40, 10, alertname="Known", service="cart")
    await scene.rounds(2)
    (title,) = await scene.found()
    incident = (await scene.house.all_incidents())[0]
    assert scene.house.clock.now() - incident.opened_at < timedelta(minutes=50)
    assert title == "Known on cart"


async def test_what_still_fires_is_left_to_alertmanager(scene: Scene) -> None:
    await scene.away(60)
    scene.fire(40, 300, alertname="Known", service="cart")
    await scene.rounds(5)
    assert await scene.found() == []


async def test_what_just_ended_may_still_be_told(scene: Scene) -> None:
    scene.fire(3, 2, alertname="Known", service="cart")
    await scene.rounds(3)
    assert await scene.found() == []
    await scene.rounds(10)
    assert await scene.found() == ["Known on cart"]


async def test_a_reading_that_fails_is_made_up_for(scene: Scene) -> None:
    await scene.away(60)
    scene.fire(40, 10, alertname="Known", service="cart")
    scene.prometheus.down = True
    for _ in range(5):
        with pytest.raises(SourceUnavailable):
            await scene.rounds(1)
        scene.house.clock.advance(60)
    scene.prometheus.down = False
    await scene.rounds(1)
    assert await scene.found() == ["Known on cart"]


async def test_the_watchdog_is_not_recorded(scene: Scene) -> None:
    await scene.post("Watchdog", 5)
    await scene.away(60)
    scene.fire(40, 10, alertname="Watchdog")
    await scene.rounds(2)
    assert await scene.found() == []


async def test_two_that_belong_together_are_one_incident(scene: Scene) -> None:
    await scene.post("Other", 5, service="x")
    await scene.away(60)
    scene.fire(40, 10, alertname="Known", service="cart")
    scene.fire(39, 12, alertname="Other", service="cart")
    await scene.rounds(2)
    assert await scene.found() == ["Known and 1 more on cart"]


async def test_where_nothing_ended_one_cheap_question_is_asked(scene: Scene) -> None:
    scene.prometheus.asked.clear()
    await scene.rounds(1)
    (asked,) = scene.prometheus.asked
    assert asked.startswith('count_over_time(ALERTS{alertstate="firing"}[')


async def test_what_fires_beside_one_that_is_only_recorded_is_told(scene: Scene) -> None:
    scene.reconstructed.use(scene.prometheus, Policy(), Patience(adopt_after=timedelta(minutes=1)))
    scene.fire(4, 1, alertname="Known", service="cart")
    await scene.rounds(1)
    assert await scene.found() == ["Known on cart"]
    await scene.post("Other", 0.3, service="cart")
    await scene.house.pass_time(20)
    newest = (await scene.house.all_incidents())[0]
    told = [str(m.occasion) for m, _ in scene.house.channel.messages if m.incident.id == newest.id]
    assert (newest.title, told) == ("Other on cart", ["opened", "analysed"])


async def test_episodes_are_read_page_by_page(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "PAGE", 2)
    await scene.away(60)
    for number in range(5):
        scene.fire(40, 10, alertname="Known", service=f"s{number}")
        await scene.post("Known", 40, ended=30, service=f"s{number}")
    scene.fire(40, 10, alertname="Known", service="cart")
    await scene.rounds(2)
    assert await scene.found() == ["Known on cart"]


class Counting(dict[str, str]):
    """Labels that count how often one is asked for."""

    asked = 0

    def get(self, key: str, default: Any = None) -> Any:
        Counting.asked += 1
        return super().get(key, default)


def test_the_end_of_a_storm_is_looked_up_not_compared_each_with_each() -> None:
    first, last = datetime(2026, 1, 31, 11, tzinfo=UTC), datetime(2026, 1, 31, 12, tzinfo=UTC)
    labels = [{"alertname": "A", "instance": f"i{number}"} for number in range(2000)]
    unknown = Unknown([Run(each, first, last) for each in labels], timedelta(minutes=1))
    known = [Fired(n, Counting({**each, "cluster": "eu"}), first, last) for n, each in enumerate(labels[:-1])]
    unknown.without(known)
    assert [run.labels for run in unknown.left()] == labels[-1:]
    assert Counting.asked <= 5 * len(known)


def test_some_missing_samples_are_the_end_of_a_run() -> None:
    points = [(float(t), 1.0) for t in (0, 15, 30, 400, 415)]
    runs = list(runs_of(Series({"__name__": "ALERTS", "alertstate": "firing", "alertname": "A"}, points)))
    assert [(run.labels, run.first.timestamp(), run.last.timestamp()) for run in runs] == [
        ({"alertname": "A"}, 0, 30),
        ({"alertname": "A"}, 400, 415),
    ]
    assert runs[0].first == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("every", [timedelta(seconds=1), None])
def test_one_that_fired_twice_for_a_moment_fired_twice(every: timedelta | None) -> None:
    """Between its two samples lies the time in which it did not fire, not the rule's interval."""
    apart = 8 if every else 300
    points = [(0.0, 1.0), (float(apart), 1.0)]
    runs = list(runs_of(Series({"alertname": "A"}, points), every))
    assert [(run.first.timestamp(), run.last.timestamp()) for run in runs] == [(0, 0), (apart, apart)]


def test_a_rule_that_is_seldom_evaluated_fires_without_a_break() -> None:
    points = [(float(t), 1.0) for t in (0, 300, 600)]
    (run,) = runs_of(Series({"alertname": "A"}, points), timedelta(minutes=5))
    assert run.last.timestamp() == 600
