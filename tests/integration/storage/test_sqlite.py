"""Writers of one SQLite file: what they share and what they do not."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from aiops_processor.storage import sqlite
from aiops_processor.storage.connection import Connection
from aiops_processor.storage.sqlite import READERS, READING_AT_ONCE, Sqlite

pytestmark = pytest.mark.anyio


class Refused(Exception):
    pass


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Sqlite]:
    opened = Sqlite(sa.make_url(f"sqlite:///{tmp_path / 'a.sqlite'}"))
    async with opened.write() as connection:
        await connection.exec_driver_sql("CREATE TABLE written (name TEXT UNIQUE NOT NULL)")
    yield opened
    await opened.close()


async def put(connection: Connection, name: str) -> None:
    await connection.exec_driver_sql("INSERT INTO written VALUES (?)", (name,))


async def written(store: Sqlite) -> set[str]:
    async with store.read() as connection:
        return set((await connection.execute(sa.text("SELECT name FROM written"))).scalars())


async def write(store: Sqlite, name: str, *, hurried: bool = False) -> set[str]:
    """What others see right after this one returned."""
    async with store.write(hurried=hurried) as connection:
        await put(connection, name)
    return await written(store)


async def test_writers_that_wait_share_a_commit(store: Sqlite) -> None:
    seen: list[set[str]] = []

    async def first() -> None:
        async with store.write() as connection:
            await put(connection, "first")
            others.extend(asyncio.create_task(write(store, name)) for name in ("second", "third"))
            await asyncio.sleep(0)
        seen.append(await written(store))

    others: list[asyncio.Task[set[str]]] = []
    await first()
    assert seen == [{"first", "second", "third"}]
    assert await asyncio.gather(*others) == [{"first", "second", "third"}] * 2


async def test_who_returned_has_committed(store: Sqlite) -> None:
    names = [f"n{number}" for number in range(40)]
    seen = await asyncio.gather(*[write(store, name, hurried=place % 5 == 0) for place, name in enumerate(names)])
    assert all(name in found for name, found in zip(names, seen, strict=True))


async def test_what_fails_takes_nothing_of_others_with_it(store: Sqlite) -> None:
    async def fail() -> None:
        async with store.write() as connection:
            await put(connection, "lost")
            raise Refused

    results = await asyncio.gather(
        write(store, "first"), fail(), write(store, "second"), fail(), write(store, "first"), return_exceptions=True
    )
    assert isinstance(results[1], Refused)
    assert isinstance(results[4], sa.exc.IntegrityError)
    assert await written(store) == {"first", "second"}


async def test_what_a_lone_writer_fails_to_write_is_undone(store: Sqlite) -> None:
    async def fail() -> None:
        async with store.write() as connection:
            await put(connection, "same")
            await put(connection, "same")

    with pytest.raises(sa.exc.IntegrityError):
        await fail()
    assert await write(store, "next") == {"next"}


async def test_when_the_shared_transaction_is_gone_all_who_have_a_part_are_told(store: Sqlite) -> None:
    async def end_it() -> None:
        async with store.write() as connection:
            await connection.exec_driver_sql("ROLLBACK")  # as SQLite does by itself when the disk is full
            raise Refused

    results = await asyncio.gather(write(store, "first"), end_it(), write(store, "third"), return_exceptions=True)
    assert isinstance(results[0], sa.exc.OperationalError)
    assert isinstance(results[1], Refused)
    assert await written(store) == {"third"}


async def test_a_writer_that_is_cancelled_while_others_write_loses_nothing(store: Sqlite) -> None:
    async with store.write() as connection:
        cancelled = asyncio.create_task(write(store, "cancelled"))
        await asyncio.sleep(0)
        await put(connection, "first")
    cancelled.cancel()
    await asyncio.wait({cancelled})
    assert "next" in await write(store, "next")
    assert "first" in await written(store)


async def test_who_is_hurried_goes_before_those_who_wait(store: Sqlite) -> None:
    order: list[str] = []

    async def visit(name: str, *, hurried: bool) -> None:
        async with store.write(hurried=hurried):
            order.append(name)

    async with store.write():
        waiting = [asyncio.create_task(visit("patient", hurried=False))]
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(visit("hurried", hurried=True)))
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert order == ["hurried", "patient"]


async def test_who_waited_long_is_let_in_between_those_who_are_hurried(
    store: Sqlite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody hurried waits at every moment, as under fire from an Alertmanager that never ends."""
    monkeypatch.setattr(sqlite, "PATIENT_SECONDS", 0.05)
    came = asyncio.Event()

    async def hurry() -> None:
        while not came.is_set():
            async with store.write(hurried=True) as connection:
                await connection.execute(sa.text("SELECT 1"))

    async def wait() -> None:
        async with store.write() as connection:
            await put(connection, "patient")
        came.set()

    async with asyncio.timeout(30):
        await asyncio.gather(*[hurry() for _ in range(10)], wait())
    assert "patient" in await written(store)


@pytest.mark.parametrize("hurried", [False, True])
async def test_a_transaction_in_one_piece_returns_what_it_found(store: Sqlite, *, hurried: bool) -> None:
    async def count(connection: Connection) -> int:
        await put(connection, "one")
        return (await connection.execute(sa.text("SELECT count(*) FROM written"))).scalar_one()

    assert await store.run(count, hurried=hurried) == 1
    assert await written(store) == {"one"}


@pytest.mark.parametrize("hurried", [False, True])
async def test_a_transaction_in_one_piece_must_not_wait(store: Sqlite, *, hurried: bool) -> None:
    async def wait(connection: Connection) -> None:
        await put(connection, "lost")
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waits"):
        await store.run(wait, hurried=hurried)
    assert await written(store) == set()
    assert await write(store, "next") == {"next"}


@pytest.mark.parametrize("fails", [False, True])
async def test_a_hurried_piece_is_committed_with_what_others_wrote_before(store: Sqlite, *, fails: bool) -> None:
    """A failure takes nothing of others with it."""

    async def piece(connection: Connection) -> None:
        await put(connection, "hurried")
        if fails:
            raise Refused

    async with store.write() as connection:
        hurried = asyncio.create_task(store.run(piece, hurried=True))
        await asyncio.sleep(0)  # it waits for its turn
        await put(connection, "first")
    assert isinstance(*await asyncio.gather(hurried, return_exceptions=True), Refused if fails else type(None))
    assert await written(store) == ({"first"} if fails else {"first", "hurried"})


async def test_a_hurried_piece_whose_caller_is_cancelled_leaves_no_half_of_it(store: Sqlite) -> None:
    began, go_on = threading.Event(), threading.Event()

    async def piece(connection: Connection) -> None:
        await put(connection, "one half")
        began.set()
        go_on.wait(60)
        await put(connection, "other half")

    cancelled = asyncio.create_task(store.run(piece, hurried=True))
    assert await asyncio.to_thread(began.wait, 60)
    cancelled.cancel()
    await asyncio.wait({cancelled})
    following = asyncio.create_task(write(store, "next"))
    go_on.set()
    assert await following == {"one half", "other half", "next"}


SLOW = """INSERT INTO written SELECT 'lost' || max(i) FROM (
    WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 2000000)
    SELECT i FROM numbers)"""


async def test_of_a_writer_that_is_cancelled_twice_nothing_is_committed_by_others(store: Sqlite) -> None:
    """As a web server cancels: again and again, until the task has ended."""
    writing = asyncio.Event()

    async def slow() -> None:
        async with store.write() as connection:
            await put(connection, "lost")
            writing.set()
            await connection.exec_driver_sql(SLOW)

    async with store.write() as connection:
        await put(connection, "first")
        cancelled = asyncio.create_task(slow())
        await asyncio.sleep(0)
        follower = asyncio.create_task(write(store, "second"))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(writing.wait())
        waiting.add_done_callback(lambda _: cancelled.cancel())
        waiting.add_done_callback(lambda _: asyncio.get_running_loop().call_soon(cancelled.cancel))
    await asyncio.wait({cancelled, follower})
    assert cancelled.cancelled()
    assert await written(store) == {"first", "second"}


async def test_reading_inside_of_reading_does_not_wait_for_itself(store: Sqlite) -> None:
    together = asyncio.Barrier(READERS)

    async def read() -> set[str]:
        async with store.read() as connection:
            await connection.execute(sa.text("SELECT 1"))
            await together.wait()
            return await written(store)

    assert await asyncio.gather(*[read() for _ in range(READERS)]) == [set()] * READERS


async def test_who_finds_no_place_to_read_is_told(tmp_path: Path) -> None:
    store = Sqlite(sa.make_url(f"sqlite:///{tmp_path / 'a.sqlite'}"), place_seconds=0)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(READING_AT_ONCE):
            await stack.enter_async_context(store.read())
        with pytest.raises(TimeoutError):
            async with store.read():
                pass
    async with store.read() as connection:
        assert (await connection.execute(sa.text("SELECT 1"))).scalar_one() == 1
    await store.close()
