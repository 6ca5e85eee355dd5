"""Two processes on one database: what must happen once happens once."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from aiops_processor.errors import StorageBusy
from aiops_processor.models.incident import IncidentState
from aiops_processor.models.notification import Occasion
from aiops_processor.services.grouping.incidents import Incidents
from aiops_processor.services.grouping.policy import Settling
from aiops_processor.services.receiving.ingest import Ingest
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import outbox, workers
from aiops_processor.storage.database import Database, Turn
from aiops_processor.telemetry import Metrics

pytestmark = pytest.mark.anyio

LATER = timedelta(hours=1)


class StoppedClock:
    def __init__(self, time: datetime) -> None:
        self._time = time

    def now(self) -> datetime:
        return self._time

    async def sleep(self, seconds: float) -> None: ...


@pytest.fixture
def clock(now: datetime) -> StoppedClock:
    return StoppedClock(now)


def body(*names: str, group: str = "g") -> bytes:
    alerts = [{"status": "firing", "labels": {"alertname": n}, "startsAt": "2026-01-31T11:59:00Z"} for n in names]
    return json.dumps({"groupKey": group, "alerts": alerts}).encode()


async def test_deliveries_are_claimed_by_one_process_each(
    database: Database, other: Database, now: datetime, create_incident: Callable[..., Any]
) -> None:
    async with database.write() as connection:
        incident = await create_incident(connection)
        await outbox.put(connection, incident.id, [f"c{n}" for n in range(50)], Occasion.OPENED, 0, now)

    async def claim(of: Database) -> list[int]:
        async with of.write() as connection:
            claimed = await outbox.claim(connection, now, now + LATER, 5)
            await asyncio.sleep(0.01)
        return [delivery.id for delivery in claimed]

    found = await asyncio.gather(*[claim(of) for of in (database, other) for _ in range(5)])
    ids = [each for claimed in found for each in claimed]
    assert sorted(ids) == sorted(set(ids))
    assert len(ids) == 50


async def test_incidents_are_claimed_by_one_process_each(
    database: Database, other: Database, clock: StoppedClock, create_incident: Callable[..., Any]
) -> None:
    async with database.write() as connection:
        for _ in range(20):
            await create_incident(connection)
    claimers = [Incidents(of, clock, [], Settling()) for of in (database, other)]
    found = await asyncio.gather(*[claimer.claim_due(5) for claimer in claimers for _ in range(3)])
    ids = [incident.id for claimed in found for incident in claimed]
    assert sorted(ids) == sorted(set(ids))
    assert {incident.generation for claimed in found for incident in claimed} == {1}
    assert len(ids) + len(await claimers[0].claim_due()) == 20


async def test_an_incident_under_analysis_is_not_claimed_again(
    database: Database, clock: StoppedClock, create_incident: Callable[..., Any]
) -> None:
    async with database.write() as connection:
        await create_incident(connection, state=IncidentState.ANALYSING, generation=1)
    assert await Incidents(database, clock, [], Settling()).claim_due() == []


async def test_two_that_group_make_one_incident(database: Database, other: Database, clock: StoppedClock) -> None:
    ingest = Ingest(database, clock, Metrics(), lambda: None)
    writer = asyncio.create_task(ingest.run())
    for number in range(10):
        await ingest.receive(body(f"A{number}"), "default")
    await asyncio.gather(*[Incidents(of, clock, [], Settling()).group() for of in (database, other)])
    writer.cancel()
    async with database.read() as connection:
        (incident,) = await incident_rows.recent(connection, 10)
        assert len(await alert_rows.of_incident(connection, incident.id)) == 10


async def test_two_that_receive_the_same_alerts_store_each_once(
    database: Database, other: Database, clock: StoppedClock
) -> None:
    ingests = [Ingest(of, clock, Metrics(), lambda: None) for of in (database, other)]
    writers = [asyncio.create_task(ingest.run()) for ingest in ingests]
    for start in range(0, 100, 5):
        names = [f"A{number}" for number in range(start, start + 5)]
        posts = [ingest.receive(body(*names, group=f"g{place}"), "default") for place, ingest in enumerate(ingests)]
        assert [answer.processed for answer in await asyncio.gather(*posts)] == [5, 5]
    for writer in writers:
        writer.cancel()
    async with database.read() as connection:
        assert await alert_rows.count_ungrouped(connection) == 100


async def test_posts_that_come_while_others_write_are_one_commit(
    database: Database, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[Turn | None] = []
    run = database.run

    async def counted(transaction: Any, turn: Turn | None = None) -> Any:
        turns.append(turn)
        return await run(transaction, turn)

    monkeypatch.setattr(database, "run", counted)
    ingest = Ingest(database, clock, Metrics(), lambda: None)
    writer = asyncio.create_task(ingest.run())
    async with asyncio.timeout(20):
        async with database.write(Turn.RECEIVING):
            first = asyncio.create_task(ingest.receive(body("A0"), "default"))
            await asyncio.sleep(0.05)  # the writer waits for its turn by now
            posts = [asyncio.create_task(ingest.receive(body(f"A{n}"), "default")) for n in range(1, 9)]
            await asyncio.sleep(0.05)
        assert [answer.processed for answer in await asyncio.gather(first, *posts)] == [1] * 9
    writer.cancel()
    assert turns == [Turn.RECEIVING]
    async with database.read() as connection:
        assert await alert_rows.count_ungrouped(connection) == 9


async def test_what_takes_turns_does_not_overlap(database: Database, other: Database) -> None:
    inside: list[str] = []

    async def visit(of: Database) -> None:
        async with of.write(Turn.GROUPING) as connection:
            assert not inside
            inside.append("somebody")
            await workers.beat(connection, "me", "here")
            await asyncio.sleep(0.02)
            inside.clear()

    await asyncio.gather(*[visit(of) for of in (database, other) for _ in range(4)])


async def test_an_incident_that_is_being_changed_is_not_changed_by_another(
    database: Database, other: Database, create_incident: Callable[..., Any]
) -> None:
    """An analysis ends while the incident resolves: whoever comes second must see what the first one did."""
    async with database.write() as connection:
        incident = await create_incident(connection, state=IncidentState.ANALYSING)

    async def count_up(of: Database) -> None:
        async with of.write() as connection:
            seen = await incident_rows.get_to_change(connection, incident.id)
            assert seen is not None
            await asyncio.sleep(0.02)
            await incident_rows.change(connection, incident.id, generation=seen.generation + 1)

    await asyncio.gather(*[count_up(of) for of in (database, other) for _ in range(4)])
    async with database.read() as connection:
        found = await incident_rows.get(connection, incident.id)
    assert found is not None
    assert found.generation == 8


async def test_a_reader_does_not_wait_for_a_writer(database: Database, other: Database) -> None:
    async with database.write(Turn.RECEIVING) as connection:
        await workers.beat(connection, "me", "here")
        async with asyncio.timeout(1), other.read() as reading:
            assert await workers.alive(reading, LATER) == set()


async def test_a_worker_is_alive_until_it_leaves_or_falls_silent(database: Database) -> None:
    async with database.write() as connection:
        await workers.beat(connection, "me", "here")
        await workers.beat(connection, "gone", "there")
        await workers.beat(connection, "gone", "there")
        await workers.leave(connection, "gone")
    async with database.write() as connection:
        assert await workers.alive(connection, LATER) == {"me"}
        assert await workers.silent(connection, LATER) == {"gone"}
        await workers.forget(connection, ["gone"])
        await workers.beat(connection, "me", "here")
    async with database.read() as connection:
        assert await workers.alive(connection, LATER) == {"me"}
        assert await workers.silent(connection, LATER) == set()


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    async def fail_in_the_middle() -> None:
        async with database.write() as connection:
            await workers.beat(connection, "me", "here")
            raise ConnectionResetError

    with pytest.raises(StorageBusy):
        await fail_in_the_middle()
    async with database.read() as connection:
        assert await workers.alive(connection, LATER) == set()
