"""The workflow engine: once is once, and what was interrupted goes on."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aiops_processor.durable.engine import Engine, WorkflowFailed

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


@contextlib.asynccontextmanager
async def engine(folder: Path, executor: str, ran: Ran, at_once: int = 10) -> AsyncIterator[Engine]:
    made = Engine(f"sqlite:///{folder / 'workflows.sqlite'}", executor)

    async def work(name: str) -> str:
        loud = await made.step("first", ran.first, name)
        return await made.step("second", ran.second, loud)

    made.register("work", work, at_once=at_once)
    made.launch()
    try:
        yield made
    finally:
        await made.close()


async def until(ran: Ran, count: int) -> None:
    async with asyncio.timeout(10):
        while len(ran.steps) < count:  # noqa: ASYNC110 - the engine calls us from its own tasks
            await asyncio.sleep(0.01)


async def test_the_same_id_runs_once_while_it_runs_and_after(tmp_path: Path) -> None:
    ran = Ran()
    async with engine(tmp_path, "a", ran) as one:
        await one.start("work", "id-1", "x")
        await until(ran, 2)
        await one.start("work", "id-1", "x")
        await asyncio.sleep(0.2)
        ran.gate.set()
        await one.finished("id-1")
        await one.start("work", "id-1", "x")
        await one.finished("id-1")
    assert ran.steps == ["first x", "second X"]


async def test_what_a_dead_process_left_goes_on_after_its_finished_steps(tmp_path: Path) -> None:
    left = Ran()
    async with engine(tmp_path, "a", left) as one:
        await one.start("work", "id-1", "x")
        await until(left, 2)
    went_on = Ran()
    went_on.gate.set()
    async with engine(tmp_path, "b", went_on) as other:
        assert await other.take_over(None) == 1
        async with asyncio.timeout(10):
            await other.finished("id-1")
    assert went_on.steps == ["second X"]


async def test_a_process_does_not_take_over_from_itself(tmp_path: Path) -> None:
    ran = Ran()
    async with engine(tmp_path, "a", ran) as one:
        await one.start("work", "id-1", "x")
        await until(ran, 2)
        assert await one.take_over(None) == 0
        ran.gate.set()
        await one.finished("id-1")


async def test_no_more_run_than_there_are_places(tmp_path: Path) -> None:
    ran = Ran()
    async with engine(tmp_path, "a", ran, at_once=2) as one:
        for number in range(5):
            await one.start("work", f"id-{number}", str(number))
        await until(ran, 4)
        await asyncio.sleep(0.2)
        assert len(ran.steps) == 4
        ran.gate.set()
        for number in range(5):
            await one.finished(f"id-{number}")
    assert len(ran.steps) == 10


async def test_an_error_is_kept_as_plain_json(tmp_path: Path) -> None:
    ran = Ran()
    ran.error = ValueError("broken")
    ran.gate.set()
    async with engine(tmp_path, "a", ran) as one:
        await one.start("work", "id-1", "x")
        with pytest.raises((ValueError, WorkflowFailed), match="broken"):
            await one.finished("id-1")
    with sqlite3.connect(tmp_path / "workflows.sqlite") as connection:
        stored = {row[0] for row in connection.execute("SELECT error FROM operation_outputs WHERE error IS NOT NULL")}
    assert stored == {'{"$error": "ValueError", "message": "broken"}'}


async def test_finished_work_can_be_forgotten(tmp_path: Path) -> None:
    ran = Ran()
    ran.gate.set()
    async with engine(tmp_path, "a", ran) as one:
        await one.start("work", "id-1", "x")
        await one.finished("id-1")
        await one.forget_finished("2999-01-01T00:00:00Z")
    with sqlite3.connect(tmp_path / "workflows.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM workflow_status").fetchone() == (0,)
