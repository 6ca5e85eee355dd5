"""The service without its engine, on a real database, with the time in the test's hand."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import pytest

from aiops_processor.models.action import ActionOccasion, ActionRecord
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import EvidenceReport, Window
from aiops_processor.models.incident import Incident
from aiops_processor.models.notification import Message, Receipt
from aiops_processor.services.acting.actions import Actions, Acts, Configured
from aiops_processor.services.acting.doing import Acting
from aiops_processor.services.analysing.analysis import SKIP, Analysis
from aiops_processor.services.analysing.analyzer import Analyzer
from aiops_processor.services.grouping.incidents import Incidents
from aiops_processor.services.grouping.policy import Settling
from aiops_processor.services.receiving.ingest import Ingest
from aiops_processor.services.telling.notifier import Telling
from aiops_processor.services.upkeep.reconciler import Reconciler
from aiops_processor.storage import actions as action_rows
from aiops_processor.storage import audit, dead_letters
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage.database import Database
from aiops_processor.telemetry import Metrics


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
        self.then: Callable[[], None] = lambda: None

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:
        self.messages.append((message, key))
        self.then()
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
        self.analyzer = Analyzer(Nothing(), None, clock, metrics)
        self.analysis = Analysis(database, self.analyzer, clock, ["test"], metrics)
        self.telling = Telling(database, {"test": self.channel}, clock, metrics, "https://aiops.example/")
        self.reconciler = Reconciler(database, self.incidents, self, clock)
        self.room = 100
        self.delivered: set[tuple[int, int]] = set()
        self.analysed: list[tuple[int, int]] = []
        self.ended: set[tuple[int, int]] = set()

    async def analyse(self, incident_id: int, generation: int) -> None:
        if (incident_id, generation) in self.ended:  # as the engine
            return
        self.analysed.append((incident_id, generation))
        mode, _ = await self.analysis.begin(incident_id, generation)
        if mode == SKIP:
            return
        await self.analysis.gather(incident_id, generation)
        await self.analysis.explain(incident_id, generation)
        await self.analysis.tell(incident_id, generation)

    async def deliver(self, delivery_id: int, attempt: int) -> None:
        if (delivery_id, attempt) in self.delivered:  # as the engine: the same piece twice is one piece
            return
        self.delivered.add((delivery_id, attempt))
        await self.telling.deliver(delivery_id, attempt)

    def room_for_analyses(self) -> int:
        return self.room

    async def analysis_ended(self, incident_id: int, generation: int) -> bool:
        return (incident_id, generation) in self.ended

    async def forget_analysis(self, incident_id: int, generation: int) -> None:
        self.ended.discard((incident_id, generation))

    async def revive(self) -> None:
        """Nothing is ever dropped here."""

    def room_for_deliveries(self) -> int:
        return self.room

    async def pass_time(self, seconds: float, tick: float = 1) -> None:
        """Let the clock run, with a round of the reconciler at every tick."""
        for _ in range(int(seconds / tick)):
            await self.reconciler.tick()
            self.clock.advance(tick)
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


class Desk:
    """Actions of a house, and what became of them."""

    def __init__(self, house: Any, *configured: Configured) -> None:
        self.house = house
        self.actions = Actions(house.database, house.clock, Acts({each.name: each for each in configured}))
        self.metrics = Metrics()
        self.acting = Acting(house.database, self.actions, house.clock, self.metrics)

    async def round(self, seconds: float = 0) -> list[ActionRecord]:
        self.house.clock.advance(seconds)
        await self.acting.tick()
        await self.acting.finished()
        return await self.records()

    async def records(self) -> list[ActionRecord]:
        async with self.house.database.read() as connection:
            return await action_rows.of_incident(connection, 1)

    async def states(self, seconds: float = 0) -> list[str]:
        return [str(each.state) for each in await self.round(seconds)]

    async def history(self) -> list[str]:
        async with self.house.database.read() as connection:
            return [each.text for each in await incident_rows.history(connection, 1) if each.kind == "action"]

    async def notes(self) -> list[str]:
        async with self.house.database.read() as connection:
            return [each.text for each in await incident_rows.history(connection, 1) if each.kind == "note"]

    async def audited(self) -> list[tuple[str, str, str]]:
        async with self.house.database.read() as connection:
            found = await audit.recent(connection, 50)
        return [(each.actor, each.action, each.target) for each in reversed(found)]


def _configured(action: Any, **others: Any) -> Configured:
    usual: dict[str, Any] = {
        "name": "restart",
        "on": frozenset({ActionOccasion.ANALYSED}),
        "dry_run": False,
        "approval": False,
        "seconds": 5.0,
    }
    return Configured(action=action, **{**usual, **others})


@pytest.fixture
def desk_of() -> Callable[..., Desk]:
    """The actions of a house: `desk_of(house, configured(action), …)`."""
    return Desk


@pytest.fixture
def configured() -> Callable[..., Configured]:
    """An action that is done as soon as its incident is analysed, where nothing else is said."""
    return _configured


@pytest.fixture
async def analysed(house: House, post: Callable[..., Awaitable[Any]]) -> House:
    await post("A", "B")
    await house.pass_time(15)
    return house
