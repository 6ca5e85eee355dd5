"""What is grouped in several pieces, each after a look at the database, gives the incidents that one piece gives."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from aiops_processor.services.grouping import incidents
from aiops_processor.services.grouping.incidents import BATCH, FEWEST, Incidents, piece_after
from aiops_processor.services.grouping.joining import Rules
from aiops_processor.services.grouping.policy import Policy, Settling
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage.database import Turn
from aiops_processor.storage.tables import members

pytestmark = pytest.mark.anyio

T0 = datetime(2026, 1, 31, 11, 50, tzinfo=UTC)
POLICY = Policy(rules=Rules(window_seconds=300, neighbour_seconds=400, calls=frozenset({("gateway", "catalog")})))


def webhook(group: str, at: float, **labels: str) -> bytes:
    starts = (T0 + timedelta(seconds=at)).isoformat()
    alert = {"status": "firing", "labels": {"alertname": "A", **labels}, "startsAt": starts}
    return json.dumps({"receiver": "aiops", "groupKey": group, "alerts": [alert]}).encode()


LONG = "x" * 3000
PAIRS = {
    "the same group at any time": ([("g", 0, {"a": "1"}), ("g", 590, {"a": "2"})], 1),
    "a group with a long key": ([(LONG, 0, {"a": "1"}), (LONG, 590, {"a": "2"})], 1),
    "a group of two clusters": ([("g", 0, {"cluster": "eu"}), ("g", 0, {"cluster": "us"})], 2),
    "an entity within the window": ([("1", 0, {"service": LONG}), ("2", 300, {"service": LONG})], 1),
    "an entity outside of it": ([("1", 0, {"service": "db"}), ("2", 301, {"service": "db"})], 2),
    "the earlier one last": ([("1", 300, {"service": "db"}), ("2", 0, {"service": "db"})], 1),
    "a part of a second more": ([("1", 0.2, {"service": "db"}), ("2", 300.9, {"service": "db"})], 1),
    "neighbours in a namespace": ([("1", 0, {"namespace": "n"}), ("2", 400, {"namespace": "n"})], 1),
    "a namespace of two clusters": (
        [("1", 0, {"namespace": "n", "env": "a"}), ("2", 0, {"namespace": "n", "env": "b"})],
        2,
    ),
    "a caller": ([("1", 0, {"service": "catalog"}), ("2", 60, {"service": "gateway"})], 1),
    "a callee": ([("1", 0, {"service": "gateway"}), ("2", 60, {"service": "catalog"})], 1),
    "strangers": ([("1", 0, {"service": "gateway"}), ("2", 0, {"service": "mail"})], 2),
}


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("case", PAIRS)
async def test_pieces_make_the_incidents_that_one_makes(house: Any, case: str, pieces: int) -> None:
    grouping = Incidents(house.database, house.clock, ["test"], Settling(10, 30), POLICY)
    said, expected = PAIRS[case]
    for number, (group, at, labels) in enumerate(said):
        await house.ingest.receive(webhook(group, at, number=str(number), **labels), "default")
        if pieces > 1:
            await grouping.group()
    await grouping.group()
    assert len([each for each in await house.all_incidents() if each.merged_into is None]) == expected


async def test_what_is_kept_of_a_storm_is_little(house: Any) -> None:
    """Ten posts a second for ten seconds, of one service: one row for each second and one for the group."""
    for number in range(100):
        body = webhook("g", number / 10, service="db", instance=f"db-{number}")
        await house.ingest.receive(body, "default")
        if number % 25 == 24:
            await house.incidents.group()
    async with house.database.read() as connection:
        kept = dict.fromkeys(("group", "entity"), 0)
        for kind in (await connection.execute(sa.select(members.c.kind))).scalars():
            kept[kind] += 1
    assert kept == {"group": 1, "entity": 10}


@pytest.mark.parametrize(
    ("count", "seconds", "then"),
    [(1000, 0.15, 100), (100, 0.015, 100), (1000, 0.0001, BATCH), (20, 9.0, FEWEST), (1, 0.0, FEWEST)],
)
def test_a_piece_is_as_large_as_takes_few_milliseconds(count: int, seconds: float, then: int) -> None:
    assert piece_after(count, seconds) == then


async def test_those_who_post_come_between_the_pieces_of_a_batch(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "SECONDS_A_PIECE", 0)  # the fewest that a piece may have
    alerts = [
        {"status": "firing", "labels": {"alertname": "A", "n": str(n)}, "startsAt": T0.isoformat()} for n in range(100)
    ]
    pieces: list[int] = []

    async def run(transaction: Any, turn: Turn) -> Any:
        grouped = await ran(transaction, turn)
        pieces.append(grouped.episodes)
        return grouped

    await house.ingest.receive(json.dumps({"groupKey": "g", "alerts": alerts[:1]}).encode(), "default")
    assert not await house.incidents.group()
    await house.ingest.receive(json.dumps({"groupKey": "g", "alerts": alerts}).encode(), "default")
    ran = house.database.run
    monkeypatch.setattr(house.database, "run", run)
    while await house.incidents.group():
        pass
    assert pieces == [20, 20, 20, 20, 19]
    monkeypatch.undo()
    (incident,) = await house.all_incidents()
    async with house.database.read() as connection:
        assert len(await alert_rows.of_incident(connection, incident.id)) == 100
