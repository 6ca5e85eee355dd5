"""What a history of alerts would have become."""

from datetime import UTC, datetime, timedelta

import pytest

from aiops_processor.clients.endpoint import Endpoint
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.clock import SteppedClock
from aiops_processor.demo.recording import Recording, bundled
from aiops_processor.demo.replay import Replay
from aiops_processor.models.samples import Answer, Series
from aiops_processor.services.analysing.estimate import estimate, history
from aiops_processor.services.grouping.policy import Policy, Settling
from aiops_processor.services.watching.reconstructed import Run

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def run(name: str, minute: float, lasts: float = 5, **labels: str) -> Run:
    first = NOON + timedelta(minutes=minute)
    return Run({"alertname": name, **labels}, first, first + timedelta(minutes=lasts))


def found(*runs: Run) -> tuple[int, int, int]:
    made = estimate(runs, 7, Policy(), Settling())
    return made.episodes, made.incidents, made.analyses


def test_what_belongs_together_is_one_incident_analysed_once() -> None:
    assert found(run("A", 0, service="db"), run("B", 0.1, service="db")) == (2, 1, 1)


def test_what_joins_later_is_one_analysis_more() -> None:
    assert found(run("A", 0, service="db"), run("B", 3, service="db")) == (2, 1, 2)


def test_strangers_and_other_days_are_incidents_of_their_own() -> None:
    assert found(run("A", 0, service="db"), run("A", 0, service="mail"), run("A", 1440, service="db")) == (3, 3, 3)


def test_what_comes_back_soon_after_its_end_is_the_same_incident() -> None:
    assert found(run("A", 0, service="db"), run("A", 8, service="db")) == (2, 1, 1)


def test_the_watchdog_costs_nothing() -> None:
    assert found(run("Watchdog", 0), run("InfoInhibitor", 0)) == (0, 0, 0)


class Slices:
    """A Prometheus with one alert that fires all the time; notes how much it is asked for at once."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def query_range(self, expr: str, start: datetime, end: datetime, step: float) -> Answer[list[Series]]:
        self.asked.append((end - start).total_seconds() / step)
        times = range(int(start.timestamp()), int(end.timestamp()) + 1, int(step))
        return Answer([Series({"alertname": "A", "alertstate": "firing"}, [(float(at), 1.0) for at in times])])


async def test_the_history_is_read_in_slices_that_any_server_answers_and_put_together() -> None:
    source = Slices()
    (whole,) = await history(source, NOON, 7)
    assert len(source.asked) == 7
    assert max(source.asked) <= 11_000, "Prometheus answers no more points of a series"
    assert whole.last - whole.first == timedelta(days=7)
    await history(source, NOON, 3_650)
    assert len(source.asked) == 7 + 31


async def test_the_alerts_of_a_recording_are_one_incident_as_in_its_replay() -> None:
    recording = Recording.load(bundled())
    end = datetime.fromtimestamp(recording.end, UTC)
    async with Replay(recording, SteppedClock(end)).servers() as urls:
        prometheus = Prometheus(Endpoint(url=urls.prometheus))
        runs = await history(prometheus, end, 0.1)
        await prometheus.aclose()
    made = estimate(runs, 0.1, Policy(), Settling())
    assert made.episodes >= 1
    assert made.incidents == 1
    assert 1 <= made.analyses <= made.episodes
