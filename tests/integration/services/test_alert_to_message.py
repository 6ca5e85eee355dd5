"""From a posted body to what is told, on a real database, without the workflow engine and with the time in our hand."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import pytest

from aiops_processor.errors import DeliveryRefused, DeliveryUnavailable, NotAWebhook
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import EvidenceReport, Window
from aiops_processor.models.incident import Incident, IncidentState
from aiops_processor.models.notification import DeliveryState, Message, Receipt
from aiops_processor.services.analysis import MOST_ATTEMPTS, SKIP, Analysis
from aiops_processor.services.analyzer import Analyzer
from aiops_processor.services.incidents import Incidents, Settling
from aiops_processor.services.ingest import Ingest
from aiops_processor.services.notifier import Telling, wait_seconds
from aiops_processor.services.reconciler import Reconciler
from aiops_processor.storage import dead_letters, outbox, workers
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage.database import Database
from aiops_processor.telemetry import Metrics

pytestmark = pytest.mark.anyio


class Nothing:
    """Evidence that says nothing."""

    async def gather(self, alerts: Sequence[Alert], now: datetime) -> EvidenceReport:
        return EvidenceReport(window=Window(start=now, onset=now, end=now))


class Channel:
    """Takes messages, or raises what it is told to."""

    name = "test"

    def __init__(self) -> None:
        self.messages: list[tuple[Message, str]] = []
        self.error: Exception | None = None

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:
        self.messages.append((message, key))
        if self.error:
            raise self.error
        return Receipt(data={"number": len(self.messages)})

    async def aclose(self) -> None: ...

    @property
    def occasions(self) -> list[str]:
        return [str(message.occasion) for message, _ in self.messages]


class House:
    """The service without its engine: work is done at once where it would be enqueued."""

    def __init__(self, database: Database, clock: Any) -> None:
        self.database, self.clock, self.channel = database, clock, Channel()
        metrics = Metrics()
        self.ingest = Ingest(database, clock, metrics, lambda: None)
        self.incidents = Incidents(database, clock, ["test"], Settling(10, 30))
        analyzer = Analyzer(Nothing(), None, clock, metrics)
        self.analysis = Analysis(database, analyzer, clock, ["test"], metrics)
        self.telling = Telling(database, {"test": self.channel}, clock, metrics, "https://aiops.example/")
        self.reconciler = Reconciler(database, self.incidents, self, clock, "me", "here")
        self.taken_over: list[list[str] | None] = []
        self.delivered: set[tuple[int, int]] = set()
        self.analysed: list[tuple[int, int]] = []

    async def analyse(self, incident_id: int, generation: int) -> None:
        self.analysed.append((incident_id, generation))
        if await self.analysis.begin(incident_id, generation) == SKIP:
            return
        await self.analysis.gather(incident_id, generation)
        await self.analysis.explain(incident_id, generation)
        await self.analysis.tell(incident_id, generation)

    async def deliver(self, delivery_id: int, attempt: int) -> None:
        if (delivery_id, attempt) in self.delivered:  # as the engine: the same piece twice is one piece
            return
        self.delivered.add((delivery_id, attempt))
        await self.telling.deliver(delivery_id, attempt)

    async def take_over(self, executor_ids: list[str] | None) -> int:
        self.taken_over.append(executor_ids)
        return 0

    async def pass_time(self, seconds: float) -> None:
        """Let the clock run, with a round of the reconciler every second."""
        for _ in range(int(seconds)):
            await self.reconciler.tick()
            self.clock.advance(1)
        await self.reconciler.tick()

    async def all_incidents(self) -> list[Incident]:
        async with self.database.read() as connection:
            return await incident_rows.recent(connection, 100)

    async def count_dead_letters(self) -> int:
        async with self.database.read() as connection:
            return await dead_letters.count(connection)


@pytest.fixture
async def house(database: Database, clock: Any) -> AsyncIterator[House]:
    house = House(database, clock)
    writer = asyncio.create_task(house.ingest.run())
    yield house
    writer.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writer


@pytest.fixture
def post(house: House) -> Callable[..., Awaitable[Any]]:
    async def post(*names: str, status: str = "firing", group: str = "g", starts: str = "2026-01-31T11:59:00Z") -> Any:
        ended = house.clock.now().isoformat() if status == "resolved" else None
        alerts = [
            {"status": status, "labels": {"alertname": name}, "startsAt": starts, "endsAt": ended} for name in names
        ]
        return await house.ingest.receive(json.dumps({"groupKey": group, "alerts": alerts}).encode(), "default")

    return post


async def test_an_alert_is_told_at_once_and_explained_when_it_has_settled(house: House, post: Any) -> None:
    await post("HighErrorRate")
    await house.reconciler.tick()
    assert house.channel.occasions == ["opened"]
    await house.pass_time(9)
    assert house.channel.occasions == ["opened"]
    await house.pass_time(2)
    assert house.channel.occasions == ["opened", "analysed"]
    message, _ = house.channel.messages[-1]
    assert message.analysis is not None
    assert message.analysis.alert_name == "HighErrorRate"
    assert message.url == f"https://aiops.example/incidents/{message.incident.id}"


async def test_alerts_of_one_group_are_one_incident_analysed_once(house: House, post: Any) -> None:
    for number in range(5):
        await post(f"Alert{number}")
        await house.pass_time(3)
    await house.pass_time(30)
    (incident,) = await house.all_incidents()
    assert house.channel.occasions == ["opened", "analysed"]
    assert incident.reason == "same Alertmanager group g"


async def test_an_incident_that_keeps_growing_is_analysed_after_thirty_seconds(house: House, post: Any) -> None:
    for number in range(9):
        await post(f"Alert{number}")
        await house.pass_time(5)
    assert house.analysed[0] == (1, 1)
    assert len(house.channel.messages) == 2


async def test_a_repeat_makes_no_second_analysis_and_no_message(house: House, post: Any) -> None:
    await post("A")
    await house.pass_time(20)
    for _ in range(3):
        await post("A")
        await house.pass_time(100)
    assert house.channel.occasions == ["opened", "analysed"]


async def test_a_new_alert_in_an_analysed_incident_is_analysed_again(house: House, post: Any) -> None:
    await post("A")
    await house.pass_time(20)
    await post("B")
    await house.pass_time(70)
    assert house.analysed == [(1, 1), (1, 2)]
    (incident,) = await house.all_incidents()
    assert incident.generation == 2


async def test_an_incident_is_resolved_when_all_of_its_alerts_are(house: House, post: Any) -> None:
    await post("A", "B")
    await house.pass_time(20)
    await post("A", status="resolved")
    await house.pass_time(2)
    assert (await house.all_incidents())[0].state == IncidentState.ANALYSED
    await post("B", status="resolved")
    await house.pass_time(2)
    assert (await house.all_incidents())[0].state == IncidentState.RESOLVED
    assert house.channel.occasions == ["opened", "analysed", "resolved"]


async def test_one_that_resolves_before_it_settles_is_analysed_all_the_same(house: House, post: Any) -> None:
    await post("A")
    await post("A", status="resolved")
    await house.pass_time(20)
    assert house.analysed == [(1, 1)]
    assert (await house.all_incidents())[0].state == IncidentState.RESOLVED


async def test_what_fires_again_later_is_a_new_incident(house: House, post: Any) -> None:
    await post("A")
    await house.pass_time(20)
    await post("A", status="resolved")
    await house.pass_time(20)
    await post("A", starts="2026-01-31T12:00:30Z")
    await house.pass_time(20)
    assert [incident.id for incident in await house.all_incidents()] == [2, 1]


async def test_the_watchdog_makes_no_incident(house: House, post: Any) -> None:
    await post("Watchdog")
    await house.pass_time(20)
    assert await house.all_incidents() == []
    assert house.channel.messages == []


async def test_a_resolve_alone_is_recorded_and_makes_no_incident(house: House, post: Any) -> None:
    answer = await post("A", status="resolved")
    await house.pass_time(20)
    assert answer.processed == 1
    assert await house.all_incidents() == []


async def test_a_body_that_is_no_webhook_is_kept_once_however_often_it_comes(house: House) -> None:
    for _ in range(3):
        with pytest.raises(NotAWebhook):
            await house.ingest.receive(b'{"alerts": null}', "default")
    assert await house.count_dead_letters() == 1


async def test_a_bad_alert_is_kept_and_the_good_one_analysed(house: House) -> None:
    good = {"status": "firing", "labels": {"alertname": "A"}, "startsAt": "2026-01-31T11:59:00Z"}
    bad = {**good, "labels": {"alertname": 7}}
    answer = await house.ingest.receive(json.dumps({"groupKey": "g", "alerts": [good, bad]}).encode(), "default")
    assert (answer.processed, [r.index for r in answer.rejected]) == (1, [1])
    await house.pass_time(20)
    assert await house.count_dead_letters() == 1
    assert house.channel.occasions == ["opened", "analysed"]


async def test_a_channel_that_may_pass_is_tried_again_with_the_same_key(house: House, post: Any) -> None:
    house.channel.error = DeliveryUnavailable("503", retry_after=7)
    await post("A")
    await house.pass_time(6)
    assert len(house.channel.messages) == 1
    house.channel.error = None
    await house.pass_time(2)
    assert [key for _, key in house.channel.messages] == ["incident-1-opened-0-test"] * 2
    async with house.database.read() as connection:
        (delivery,) = await outbox.of_incident(connection, 1)
    assert (delivery.state, delivery.attempts) == (DeliveryState.SENT, 2)


async def test_a_channel_that_refuses_is_not_asked_again(house: House, post: Any) -> None:
    house.channel.error = DeliveryRefused("no such hook")
    await post("A")
    await house.pass_time(5)
    assert len(house.channel.messages) == 1
    async with house.database.read() as connection:
        history = await incident_rows.history(connection, 1)
    assert "could not be told (no such hook)" in history[-1].text


async def test_an_analysis_that_never_ends_is_given_up_visibly(house: House, post: Any) -> None:
    await post("A")
    await house.reconciler.tick()
    for _ in range(MOST_ATTEMPTS):
        assert await house.analysis.begin(1, 1) != SKIP
    assert await house.analysis.begin(1, 1) == SKIP
    assert (await house.all_incidents())[0].state == IncidentState.FAILED


async def test_the_work_of_a_silent_worker_is_taken_over(house: House) -> None:
    async with house.database.write() as connection:
        await workers.beat(connection, "dead", "there", house.clock.now())
    await house.pass_time(14)
    assert house.taken_over == [["dead"]]


async def test_an_incident_by_hand_is_no_group_of_alertmanager(house: House, post: Any) -> None:
    alert = Alert.model_validate({"status": "firing", "labels": {"alertname": "A"}, "startsAt": "2026-01-31T11:59:00Z"})
    incident = await house.incidents.open_by_hand([alert, alert], notify=False)
    await house.analyse(incident.id, incident.generation)
    await post("A")
    await house.pass_time(20)
    assert [(i.id, i.manual) for i in await house.all_incidents()] == [(2, False), (1, True)]
    assert {message.incident.id for message, _ in house.channel.messages} == {2}


def test_waiting_doubles_and_honours_what_was_asked() -> None:
    assert [wait_seconds(n, None) for n in (1, 2, 3, 20, 1000)] == [1, 2, 4, 300, 300]
    assert wait_seconds(1, 30) == 30
    assert wait_seconds(1, 1e9) == 300
