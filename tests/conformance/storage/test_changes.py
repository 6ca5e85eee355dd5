"""Posted changes on each kind of database."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest

from aiops_processor.errors import SourceUnavailable, StorageBusy
from aiops_processor.models.change import PostedChange
from aiops_processor.services.changes import Changes
from aiops_processor.storage import changes as rows
from aiops_processor.storage.database import Connection, Database
from aiops_processor.telemetry import Metrics

pytestmark = pytest.mark.anyio


class Stopped:
    def __init__(self, time: datetime) -> None:
        self.time = time

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None: ...


def change(at: datetime, title: str = "roll out\0") -> PostedChange:
    return PostedChange(
        source="generic", kind="deployment", title=title, at=at, service="cart", realm={"cluster": "eu"}
    )


async def test_a_change_is_stored_once_however_often_it_is_posted(database: Database, now: datetime) -> None:
    for later in (0, 60):
        async with database.write() as connection:
            await rows.keep(connection, [change(now)], now + timedelta(seconds=later))
    async with database.read() as connection:
        (found,) = await rows.recent(connection, 10)
    assert (found.at, found.service, found.realm) == (now, "cart", {"cluster": "eu"})


async def test_only_those_of_the_time_are_read_oldest_first_and_of_too_many_the_newest(
    database: Database, now: datetime
) -> None:
    times = [now + timedelta(seconds=second) for second in (-1, 2, 0, 1, 3)]
    async with database.write() as connection:
        await rows.keep(connection, [change(at) for at in times], now)
        found = await rows.between(connection, now, now + timedelta(seconds=2), 2)
    assert [(each.at - now).total_seconds() for each in found] == [1, 2]


async def test_a_received_change_is_there_for_whoever_gathers_evidence(database: Database, now: datetime) -> None:
    changes = Changes(database, Stopped(now), Metrics())
    await changes.receive(b'[{"title": "a"}, {"title": "b"}]', {})
    found = await changes.between(now, now)
    assert sorted(each.title for each in found.data) == ["a", "b"]


class Away:
    def read(self) -> AbstractAsyncContextManager[Connection]:
        raise StorageBusy("the database is locked")


async def test_a_store_that_is_away_is_a_source_that_fails(now: datetime) -> None:
    away: Any = Away()
    with pytest.raises(SourceUnavailable, match="the database is locked"):
        await Changes(away, Stopped(now), Metrics()).between(now, now)
