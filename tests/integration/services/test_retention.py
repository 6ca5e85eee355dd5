"""What has had its time is deleted, what has not stays, and the database does not grow for ever."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from aiops_processor.errors import NotAWebhook
from aiops_processor.models.change import PostedChange
from aiops_processor.services.upkeep.retention import Keeping, Retention
from aiops_processor.storage import changes as change_rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage.tables import UtcDateTime, incidents, metadata

pytestmark = pytest.mark.anyio

DAY = 86400.0


class Workflows:
    """An engine with so many finished workflows."""

    def __init__(self) -> None:
        self.finished: list[datetime] = []

    async def forget_finished(self, before: datetime) -> int:
        old = [at for at in self.finished if at < before][:3]
        self.finished = [at for at in self.finished if at not in old]
        return len(old)


@pytest.fixture
def workflows() -> Workflows:
    return Workflows()


@pytest.fixture
def retention(house: Any, workflows: Workflows) -> Retention:
    return Retention(house.database, workflows, house.clock, Keeping())


async def rows(house: Any) -> dict[str, int]:
    """How many rows each table has, without the empty ones."""
    found: dict[str, int] = {}
    async with house.database.read() as connection:
        for table in metadata.sorted_tables:
            count = (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
            found |= {table.name: count} if count else {}
    return found


async def live(house: Any, name: str, minutes: int = 0) -> None:
    """An alert that fires, is analysed and told, and ends."""
    for status in ("firing", "resolved"):
        now = house.clock.now()
        alert = {
            "status": status,
            "labels": {"alertname": name, "service": name},
            "annotations": {"summary": "x" * 500},
            "startsAt": (now - timedelta(seconds=40 if status == "resolved" else 5)).isoformat(),
            "endsAt": now.isoformat() if status == "resolved" else None,
        }
        body = {"receiver": "aiops", "groupKey": name, "alerts": [alert]}
        await house.ingest.receive(json.dumps(body).encode(), "default")
        for _ in range(4):
            await house.reconciler.tick()
            house.clock.advance(9)


async def test_an_incident_goes_with_all_that_belongs_to_it(house: Any, retention: Retention) -> None:
    await live(house, "A")
    kept = await rows(house)
    assert {"incidents", "episodes", "members", "analyses", "timeline", "outbox", "deliveries"} <= set(kept)
    house.clock.advance(29 * DAY)
    await retention.round()
    assert await rows(house) == kept
    house.clock.advance(2 * DAY)
    await retention.round()
    assert await rows(house) == {"deliveries": 1}  # the newest says which receiver is ours


async def test_no_table_keeps_an_incident_or_grows_for_ever(house: Any, retention: Retention) -> None:
    """A row in every table there is, those that are yet to be made among them: what may stay is named here."""
    await live(house, "A")
    async with house.database.write() as connection:
        for table in set(metadata.sorted_tables) - {incidents}:
            await connection.execute(sa.insert(table).values(filled(table, house.clock.now())))
    house.clock.advance(31 * DAY)
    await retention.round()
    cleared_by_their_own_writers = {"audit", "sessions", "sent_to_models", "readings", "watchdogs", "workers"}
    made_by_people = {"users", "api_tokens"}
    assert set(await rows(house)) == cleared_by_their_own_writers | made_by_people | {"deliveries"}


async def test_what_cannot_be_deleted_does_not_keep_the_rest(house: Any, workflows: Workflows) -> None:
    """A table of somebody else's refers to ours."""
    await live(house, "A")
    with pytest.raises(NotAWebhook):
        await house.ingest.receive(b"[]", "default")
    async with house.database.write() as connection:
        await connection.execute(sa.text("CREATE TABLE notes (incident_id BIGINT REFERENCES incidents (id))"))
        await connection.execute(sa.text("INSERT INTO notes VALUES (1)"))
    house.clock.advance(31 * DAY)
    workflows.finished = [house.clock.now() - timedelta(days=2)]
    await Retention(house.database, workflows, house.clock, Keeping()).round()
    assert "incidents" in await rows(house)
    assert "dead_letters" not in await rows(house)
    assert workflows.finished == []


def filled(table: sa.Table, now: datetime) -> dict[str, Any]:
    """Values for all columns of a row but those that may be empty; it belongs to incident 1."""
    usual: dict[Any, Any] = {
        sa.Integer: 7,
        sa.BigInteger: 7,
        sa.Boolean: False,
        sa.Float: 1.0,
        sa.LargeBinary: b"x",
        UtcDateTime: now,
    }
    values = {column.name: usual.get(type(column.type), "x") for column in table.columns if not column.nullable}
    return values | ({"incident_id": 1} if "incident_id" in table.columns else {})


async def test_evidence_goes_first_and_what_was_concluded_stays(house: Any, retention: Retention) -> None:
    await live(house, "A")
    house.clock.advance(8 * DAY)
    await retention.round()
    async with house.database.read() as connection:
        evidence, analysis = await incident_rows.latest_analysis(connection, 1)
    assert evidence is None
    assert analysis is not None


async def test_posted_changes_go_with_the_raw_evidence(house: Any, retention: Retention) -> None:
    now = house.clock.now()
    told = [
        PostedChange(source="generic", kind="deployment", title=title, at=now + timedelta(days=days))
        for title, days in (("old", -20), ("now", 0), ("planned", 4))
    ]
    async with house.database.write() as connection:
        await change_rows.keep(connection, told, now)
    house.clock.advance(6 * DAY)
    await retention.round()
    assert (await rows(house))["changes"] == 3
    house.clock.advance(2 * DAY)
    await retention.round()
    async with house.database.read() as connection:
        assert [each.title for each in await change_rows.recent(connection, 9)] == ["planned"]


async def test_what_still_fires_stays(house: Any, post: Any, retention: Retention) -> None:
    await post("A")
    await post("Watchdog", group="w")
    await house.pass_time(20)
    house.clock.advance(400 * DAY)
    await retention.round()
    assert (await house.all_incidents())[0].resolved_at is None
    assert (await rows(house))["episodes"] == 2


async def test_dead_letters_and_workflows_go_too(house: Any, retention: Retention, workflows: Workflows) -> None:
    with pytest.raises(NotAWebhook):
        await house.ingest.receive(b"[]", "default")
    workflows.finished = [house.clock.now() + timedelta(minutes=n) for n in range(10)]
    house.clock.advance(31 * DAY)
    await retention.round()
    assert await rows(house) == {}
    assert workflows.finished == []


async def test_the_database_stays_bounded(house: Any, workflows: Workflows) -> None:
    """Twenty-five days of alerts with ten to keep: later there are no more rows, and on SQLite no more bytes."""
    retention = Retention(house.database, workflows, house.clock, Keeping(timedelta(days=10), timedelta(days=2)))
    sizes: list[tuple[int, int]] = []
    for day in range(25):
        for number in range(2):
            await live(house, f"A{day}-{number}")
        house.clock.advance(DAY)
        await retention.round()
        sizes.append((sum((await rows(house)).values()), size(house)))
    most_rows, most_bytes = (max(each) for each in zip(*sizes[:15], strict=True))
    assert sizes[-1][0] <= most_rows
    assert sizes[-1][1] <= most_bytes


async def test_after_a_storm_the_file_gives_back_its_room(house: Any, retention: Retention) -> None:
    if not house.database.sqlite:
        return  # PostgreSQL vacuums by itself
    before = size(house)
    for number in range(20):
        alerts = [
            {
                "status": "resolved",
                "labels": {"alertname": f"A{number}", "n": str(n)},
                "annotations": {"summary": "x" * 1000},
                "startsAt": "2026-01-31T11:00:00Z",
                "endsAt": "2026-01-31T11:30:00Z",
            }
            for n in range(200)
        ]
        await house.ingest.receive(json.dumps({"alerts": alerts}).encode(), "default")
    grown = size(house)
    assert grown > before + 4_000_000
    house.clock.advance(31 * DAY)
    await retention.round()
    assert size(house) < before + 1_000_000


def size(house: Any) -> int:
    """Bytes of the SQLite file when its log is written back; 0 on PostgreSQL."""
    if not house.database.sqlite:
        return 0
    path = Path(house.database.url.database)
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path.stat().st_size
