"""The workflow engine on both databases: once is once, and what was interrupted goes on."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from aiops_processor.durable.engine import SCHEMA, STARTED_SECONDS, Engine
from aiops_processor.durable.plain_json import WorkflowFailed, reason
from aiops_processor.errors import ModelUnavailable
from aiops_processor.storage.address import is_sqlite, workflows_url

pytestmark = pytest.mark.anyio


class Ran:
    """What the steps of a two-step workflow did; the second waits at a gate."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def first(self, name: str) -> str:
        self.steps.append(f"first {name}")
        return name.upper()

    async def second(self, name: str) -> str:
        self.steps.append(f"second {name}")
        await self.gate.wait()
        if self.error:
            raise self.error
        return name


@pytest.fixture
def url(database_url: str) -> sa.URL:
    return workflows_url(sa.make_url(database_url))


@pytest.fixture
def fleet_url(postgresql: Any) -> sa.URL:
    """Where several processes can be: SQLite files belong to one."""
    return workflows_url(sa.make_url(postgresql.database()))


@contextlib.asynccontextmanager
async def engine(
    url: sa.URL, executor: str, ran: Ran, at_once: int = 10, in_fleet: int | None = None
) -> AsyncIterator[Engine]:
    made = Engine(url, executor)

    async def work(name: str) -> str:
        loud = await made.step("first", ran.first, name)
        return await made.step("second", ran.second, loud)

    async def outer(name: str, priority: int = 0) -> str:
        return await made.call("work", f"inner-{name}", name, priority=priority)

    made.register("work", work, at_once=at_once, in_fleet=in_fleet)
    made.register("outer", outer, at_once=at_once)
    await made.launch()
    try:
        yield made
    finally:
        await made.close()


async def until(ran: Ran, count: int) -> None:
    async with asyncio.timeout(60):
        while len(ran.steps) < count:  # noqa: ASYNC110 - the engine calls us from its own tasks
            await asyncio.sleep(0.01)


async def stored(url: sa.URL, workflow_id: str) -> None:
    async with asyncio.timeout(60):
        while (workflow_id,) not in rows(url, "SELECT workflow_uuid FROM workflow_status"):  # noqa: ASYNC110 - a table
            await asyncio.sleep(0.05)


async def test_the_same_id_runs_once_while_it_runs_and_after(url: sa.URL) -> None:
    ran = Ran()
    async with engine(url, "a", ran) as one:
        await one.start("work", "id-1", "x")
        await until(ran, 2)
        await one.start("work", "id-1", "x")
        await asyncio.sleep(0.2)
        ran.gate.set()
        await one.finished("id-1")
        await one.start("work", "id-1", "x")
        await one.finished("id-1")
    assert ran.steps == ["first x", "second X"]


async def test_what_a_dead_process_left_goes_on_after_its_finished_steps(url: sa.URL) -> None:
    left = Ran()
    async with engine(url, "a", left) as one:
        await one.start("work", "id-1", "x")
        await until(left, 2)
    went_on = Ran()
    went_on.gate.set()
    async with engine(url, "b", went_on) as other:
        left = await other.unfinished()
        assert [(work.workflow_id, work.name, work.executor_id) for work in left] == [("id-1", "work", "a")]
        await other.resume(left)
        async with asyncio.timeout(60):
            await other.finished("id-1")
    assert went_on.steps == ["second X"]


async def test_what_runs_is_cut_off_at_the_end_and_nothing_is_logged_of_it(
    url: sa.URL, caplog: pytest.LogCaptureFixture
) -> None:
    """Not failed: whoever handles its faults would write them down as the incident's."""
    ran, ended = Ran(), list[type[BaseException]]()
    made = Engine(url, "a")

    async def work(name: str) -> None:
        try:
            await made.step("second", ran.second, name)
        except BaseException as error:
            ended.append(type(error))
            raise

    made.register("work", work, at_once=2)
    await made.launch()
    await made.start("work", "id-1", "x")
    await made.start("work", "id-2", "y")
    await until(ran, 2)
    await made.close()
    assert ended == [asyncio.CancelledError] * 2
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert set(rows(url, "SELECT status FROM workflow_status")) == {("PENDING",)}


async def test_what_is_to_end_has_some_time_for_it(url: sa.URL) -> None:
    ran = Ran()
    async with engine(url, "a", ran) as one:
        await one.drain("work", 60)  # nothing runs
        await one.start("work", "id-1", "x")
        await until(ran, 2)
        await one.drain("work", 0.05)
        assert one.room("work") == 9
        draining = asyncio.create_task(one.drain("work", 60))
        ran.gate.set()
        await draining
        assert one.room("work") == 10
        await one.finished("id-1")


async def test_what_ended_can_be_begun_anew_with_what_it_called(url: sa.URL) -> None:
    ran = Ran()
    ran.gate.set()
    async with engine(url, "a", ran) as one:
        assert not await one.ended("id-1")
        await one.start("outer", "id-1", "x")
        await one.finished("id-1")
        assert await one.ended("id-1")
        await one.forget("id-1")
        assert not await one.ended("id-1")
        await one.start("outer", "id-1", "x")
        await one.finished("id-1")
    assert ran.steps == ["first x", "second X"] * 2


async def test_what_failed_has_ended_and_what_runs_has_not(url: sa.URL) -> None:
    ran = Ran()
    ran.error = ValueError("no")
    async with engine(url, "a", ran) as one:
        await one.start("work", "id-1", "x")
        await until(ran, 2)
        assert not await one.ended("id-1")
        ran.gate.set()
        with pytest.raises(WorkflowFailed):
            await one.finished("id-1")
        assert await one.ended("id-1")


async def test_its_own_work_is_not_unfinished_work_of_others(url: sa.URL) -> None:
    ran = Ran()
    async with engine(url, "a", ran) as one:
        await one.start("work", "id-1", "x")
        await until(ran, 2)
        assert await one.unfinished() == []
        ran.gate.set()
        await one.finished("id-1")


async def test_no_more_run_than_there_are_places(url: sa.URL) -> None:
    ran = Ran()
    async with engine(url, "a", ran, at_once=2) as one:
        for number in range(5):
            await one.start("work", f"id-{number}", str(number))
        await until(ran, 4)
        await asyncio.sleep(0.2)
        assert len(ran.steps) == 4
        ran.gate.set()
        for number in range(5):
            await one.finished(f"id-{number}")
    assert len(ran.steps) == 10


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (ValueError("broken with token-1234"), "ValueError; the log of the service says more"),
        (ModelUnavailable("deepseek does not answer"), "ModelUnavailable: deepseek does not answer"),
    ],
)
async def test_an_error_is_kept_as_plain_json_and_what_others_say_is_not(
    url: sa.URL, error: Exception, kept: str
) -> None:
    ran = Ran()
    ran.error = error
    ran.gate.set()
    async with engine(url, "a", ran) as one:
        await one.start("work", "id-1", "x")
        with pytest.raises((type(error), WorkflowFailed)) as raised:
            await one.finished("id-1")
        assert reason(raised.value) == kept
    stored = {row[0] for row in rows(url, "SELECT error FROM operation_outputs WHERE error IS NOT NULL")}
    assert stored == {json.dumps({"$error": kept})}


async def test_finished_work_is_forgotten_however_much_it_is(url: sa.URL) -> None:
    ran = Ran()
    async with engine(url, "a", ran) as one:
        ran.gate.set()
        for number in range(5):
            await one.start("work", f"id-{number}", "x")
            await one.finished(f"id-{number}")
        await one.forget_finished(datetime.now(UTC) - timedelta(minutes=1))
        assert rows(url, "SELECT count(*) FROM workflow_status") == [(5,)]
        ran.gate.clear()
        await one.start("work", "still runs", "x")
        await until(ran, 12)
        later = datetime.now(UTC) + timedelta(minutes=1)
        assert [await one.forget_finished(later, at_once=2) for _ in range(4)] == [2, 2, 1, 0]
        assert rows(url, "SELECT workflow_uuid FROM workflow_status") == [("still runs",)]
        ran.gate.set()
        await one.finished("still runs")


@pytest.mark.parametrize("how", ["fast", "immediate"])
async def test_a_step_that_ends_while_the_database_is_away_is_written_down_when_it_is_back(
    postgresql: Any, fleet_url: sa.URL, how: str
) -> None:
    """And never fails what it belongs to: a short restart would else fail every analysis that is under way."""
    ran = Ran()
    async with engine(fleet_url, "a", ran) as one:
        await one.start("outer", "id-1", "x")
        await until(ran, 2)
        postgresql.stop(how=how)
        ran.gate.set()
        await asyncio.sleep(2)  # the step ends, and nobody can write that down; to be too slow here only asks less
        postgresql.start()
        async with asyncio.timeout(60):
            await one.finished("id-1")
    assert ran.steps == ["first x", "second X"]


async def test_work_of_its_own_that_does_not_run_is_found_and_goes_on(fleet_url: sa.URL) -> None:
    left = Ran()
    async with engine(fleet_url, "a", left) as one:
        await one.start("work", "id-1", "x")
        await until(left, 2)
    ran = Ran()
    ran.gate.set()
    async with engine(fleet_url, "b", ran) as one:
        one.executor_id = "a"  # as if it had begun here
        async with asyncio.timeout(60):
            while not (dropped := await one.dropped()):  # noqa: ASYNC110 - nothing tells when it is dropped
                await asyncio.sleep(0.5)
            assert [work.workflow_id for work in dropped] == ["id-1"]
            await one.resume(dropped)
            await one.finished("id-1")
        assert await one.dropped() == []
    assert ran.steps == ["second X"]


async def test_work_that_runs_or_has_just_begun_is_not_dropped(url: sa.URL) -> None:
    ran = Ran()
    async with engine(url, "a", ran) as one:
        await one.start("work", "id-1", "x")
        await until(ran, 2)
        await asyncio.sleep(STARTED_SECONDS + 0.5)
        assert await one.dropped() == []
        ran.gate.set()
        await one.finished("id-1")


async def test_room_is_what_may_still_run_here(url: sa.URL) -> None:
    ran = Ran()
    async with engine(url, "a", ran, at_once=2) as one:
        assert one.room("work") == 2
        await one.start("work", "id-1", "x")
        await until(ran, 2)
        assert one.room("work") == 1
        ran.gate.set()
        await one.finished("id-1")
        assert one.room("work") == 2


async def test_a_limit_over_all_processes_holds_for_what_is_called(fleet_url: sa.URL) -> None:
    ran = Ran()
    async with engine(fleet_url, "a", ran, in_fleet=2) as one:
        for number in range(4):
            await one.start("outer", f"outer-{number}", str(number))
        await until(ran, 4)
        await asyncio.sleep(1)
        assert len(ran.steps) == 4
        ran.gate.set()
        for number in range(4):
            await one.finished(f"outer-{number}")
    assert len(ran.steps) == 8


async def test_what_is_urgent_is_called_before_what_has_waited_longer(fleet_url: sa.URL) -> None:
    ran = Ran()
    async with engine(fleet_url, "a", ran, in_fleet=1) as one:
        await one.start("outer", "outer-a", "first", 5)
        await until(ran, 2)
        for name, priority in (("late", 5), ("urgent", -3), ("later", 5)):
            await one.start("outer", f"outer-{name}", name, priority)
            await stored(fleet_url, f"inner-{name}")
        ran.gate.set()
        for name in ("a", "late", "urgent", "later"):
            await one.finished(f"outer-{name}")
    assert [step.split()[1] for step in ran.steps[::2]] == ["first", "urgent", "late", "later"]


async def test_what_was_called_goes_on_within_the_limit_over_all_processes(fleet_url: sa.URL) -> None:
    left = Ran()
    async with engine(fleet_url, "a", left, in_fleet=1) as one:
        for number in range(3):
            await one.start("outer", f"outer-{number}", str(number))
        await until(left, 2)
    went_on = Ran()
    async with engine(fleet_url, "b", went_on, in_fleet=1) as other:
        await other.resume(await other.unfinished())
        await until(went_on, 1)
        await asyncio.sleep(2)
        assert len({step.split()[1] for step in went_on.steps}) == 1, "whichever comes first, the others wait"
        went_on.gate.set()
        async with asyncio.timeout(60):
            for number in range(3):
                await other.finished(f"outer-{number}")
    assert left.steps[1] in went_on.steps
    assert left.steps[0] not in went_on.steps


async def test_what_is_under_way_elsewhere_is_not_started_here(url: sa.URL) -> None:
    there, here = Ran(), Ran()
    async with engine(url, "a", there) as one:
        await one.start("work", "id-1", "x")
        await until(there, 2)
    async with engine(url, "b", here) as other:
        await other.start("work", "id-1", "x")
        await asyncio.sleep(0.5)
    assert here.steps == []


def rows(url: sa.URL, query: str) -> list[Any]:
    driver = "sqlite" if is_sqlite(url) else "postgresql+psycopg"
    made = sa.create_engine(url.set(drivername=driver), poolclass=sa.NullPool)
    with made.connect() as connection:
        if not is_sqlite(url):
            connection.execute(sa.text(f"SET search_path TO {SCHEMA}"))
        return [tuple(row) for row in connection.execute(sa.text(query))]
