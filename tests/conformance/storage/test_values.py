"""Whatever Alertmanager may send comes back as it was, from both databases."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from aiops_processor.errors import StorageError
from aiops_processor.models.alert import Alert
from aiops_processor.models.incident import TimelineEntry
from aiops_processor.models.notification import DeliveryState, Occasion, Receipt
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import dead_letters, outbox
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage.alerts import DeliveryRow
from aiops_processor.storage.database import Database
from aiops_processor.storage.dead_letters import DeadLetter
from aiops_processor.storage.tables import deliveries

pytestmark = pytest.mark.anyio

ODD = "nul \0, quote \", ' and \\, newline \n, \N{PILE OF POO}, %s :name ?"
AS_SHOWN = ODD.replace("\0", "\N{SYMBOL FOR NULL}")
LONG = "".join(f"{number:x}" for number in range(10_000))  # too long for an index of PostgreSQL, and hard to compress


@pytest.fixture
def delivery(now: datetime) -> Callable[..., DeliveryRow]:
    def make(**others: Any) -> DeliveryRow:
        said: dict[str, Any] = {
            "key": "k",
            "source": "default",
            "receiver": "aiops",
            "group_key": "g",
            "external_url": "http://am",
        }
        said |= {"alerts": 1, "truncated": 0, "at": now, **others}
        return DeliveryRow(**said)

    return make


@pytest.mark.parametrize("fingerprint", ["0123456789abcdef", ODD, LONG])
async def test_an_alert_comes_back_as_it_was(
    database: Database, make_alert: Callable[..., Alert], episode_row: Callable[..., Any], fingerprint: str
) -> None:
    alert = make_alert(fingerprint, odd=ODD, long=LONG, **{ODD: "name"})
    async with database.write() as connection:
        await alert_rows.insert_episodes(connection, [episode_row(alert, group_key=LONG)])
    async with database.read() as connection:
        (newest,) = await alert_rows.newest_episodes(connection, {("default", fingerprint), ("default", "another")})
        (found,) = await alert_rows.ungrouped(connection, 10)
        assert await alert_rows.newest_episodes(connection, {("default", f"{fingerprint}0")}) == []
    assert (newest.id, newest.fingerprint) == (found.id, fingerprint)
    assert found.alert == alert
    assert found.group_key == LONG


async def test_texts_keep_a_picture_of_nul(
    database: Database, now: datetime, create_incident: Callable[..., Any], delivery: Callable[..., DeliveryRow]
) -> None:
    async with database.write() as connection:
        made = await create_incident(connection, title=ODD, severity=ODD, group_key=ODD, reason=ODD)
        await incident_rows.note(connection, made.id, TimelineEntry(at=now, kind="note", text=ODD))
        await dead_letters.keep(connection, [DeadLetter("default", ODD, ODD.encode(), now)])
        await alert_rows.record_deliveries(connection, [delivery(receiver=ODD, group_key=ODD, external_url=ODD)])
        await outbox.put(connection, made.id, [ODD], Occasion.OPENED, 0, now)
        await outbox.finish(connection, 1, DeliveryState.FAILED, error=ODD, receipt=Receipt(data={ODD: ODD}))
    async with database.read() as connection:
        found = await incident_rows.get(connection, made.id)
        (entry,) = await incident_rows.history(connection, made.id)
        (told,) = await outbox.of_incident(connection, made.id)
    assert found is not None
    assert {found.title, found.severity, found.group_key, found.reason, entry.text} == {AS_SHOWN}
    assert (told.channel, told.error, told.receipt) == (AS_SHOWN, AS_SHOWN, Receipt(data={ODD: ODD}))


async def test_an_incident_of_a_group_with_a_long_key_is_stored(
    database: Database, create_incident: Callable[..., Any]
) -> None:
    async with database.write() as connection:
        made = await create_incident(connection, group_key=LONG, title=LONG, reason=LONG)
    async with database.read() as connection:
        assert await incident_rows.get(connection, made.id) == made


@pytest.mark.parametrize(
    "time",
    [
        datetime(1, 1, 1, 0, 0, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
)
async def test_times_come_back_in_utc_to_the_microsecond(
    database: Database, make_alert: Callable[..., Alert], episode_row: Callable[..., Any], time: datetime
) -> None:
    async with database.write() as connection:
        await alert_rows.insert_episodes(connection, [episode_row(make_alert(starts_at=time), ended_at=time)])
    async with database.read() as connection:
        (newest,) = await alert_rows.newest_episodes(connection, {("default", "f1")})
        (found,) = await alert_rows.ungrouped(connection, 10)
    assert (newest.starts_at, newest.ended_at) == (time, time)
    assert (found.alert.starts_at, found.ended_at) == (time, time)
    assert found.ended_at is not None
    assert found.ended_at.tzinfo is UTC


@pytest.mark.parametrize(("truncated", "kept"), [(-5, 0), (2**31, 2**31), (2**70, 2**63 - 1)])
async def test_a_count_that_no_column_holds_loses_no_delivery(
    database: Database, delivery: Callable[..., DeliveryRow], truncated: int, kept: int
) -> None:
    async with database.write() as connection:
        await alert_rows.record_deliveries(connection, [delivery(truncated=truncated)])
    async with database.read() as connection:
        assert (await connection.execute(sa.select(deliveries.c.truncated))).scalar_one() == kept


async def test_what_is_said_again_is_counted(
    database: Database, now: datetime, delivery: Callable[..., DeliveryRow]
) -> None:
    letter = DeadLetter("default", "bad", b"\x00\xff", now)
    for _ in range(3):
        async with database.write() as connection:
            await alert_rows.record_deliveries(connection, [delivery(), delivery()])
            await dead_letters.keep(connection, [letter, letter])
    async with database.read() as connection:
        assert await dead_letters.count(connection) == 1


@pytest.mark.parametrize("count", [1, 2, 49, 50, 51, 120])
async def test_what_many_rows_say_alike_stands_in_each_of_them(
    database: Database, now: datetime, delivery: Callable[..., DeliveryRow], count: int
) -> None:
    said = [delivery(key=f"k{n}", alerts=n, at=now + timedelta(hours=n % 2), group_key=ODD) for n in range(count)]
    for _ in range(2):  # the second time each is there already
        async with database.write() as connection:
            await alert_rows.record_deliveries(connection, said)
    async with database.read() as connection:
        rows = (await connection.execute(sa.select(deliveries).order_by(deliveries.c.alerts))).all()
    assert [(row.key, row.alerts, row.first_at) for row in rows] == [(each.key, each.alerts, each.at) for each in said]
    assert {(row.source, row.receiver, row.group_key, row.truncated, row.repeats) for row in rows} == {
        ("default", "aiops", AS_SHOWN, 0, 1)
    }


async def test_columns_are_stored_as_rows_are(
    database: Database, make_alert: Callable[..., Alert], episode_row: Callable[..., Any], now: datetime
) -> None:
    rows = [episode_row(make_alert(f"f{n}"), ended_at=now if n % 2 else None) for n in range(60)]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    async with database.write() as connection:
        await alert_rows.insert_new_episodes(connection, columns)
    async with database.read() as connection:
        found = await alert_rows.ungrouped(connection, 100)
    assert [each.alert.fingerprint for each in found] == [f"f{n}" for n in range(60)]
    assert [each.ended_at for each in found] == [row["ended_at"] for row in rows]


async def test_an_alert_has_one_open_episode(
    database: Database, make_alert: Callable[..., Alert], episode_row: Callable[..., Any]
) -> None:
    row = episode_row(make_alert())

    async def insert_twice() -> None:
        async with database.write() as connection:
            await alert_rows.insert_episodes(connection, [row])
            await alert_rows.insert_episodes(connection, [row])

    with pytest.raises(StorageError):
        await insert_twice()
    async with database.read() as connection:
        assert await alert_rows.count_ungrouped(connection) == 0


async def test_more_keys_than_a_statement_has_places_are_looked_up(database: Database) -> None:
    async with database.read() as connection:
        assert await alert_rows.newest_episodes(connection, {("default", str(n)) for n in range(12_000)}) == []
