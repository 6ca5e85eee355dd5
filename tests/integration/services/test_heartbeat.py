"""Who is alive, and whose work is taken over; on both databases, with a list in place of the workflow engine."""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

import pytest

from aiops_processor.errors import StorageBusy
from aiops_processor.services.upkeep.heartbeat import BEAT_SECONDS, DEAD_AFTER, Heartbeat, Interrupted
from aiops_processor.storage import workers
from aiops_processor.storage.database import Database

pytestmark = pytest.mark.anyio


class Unfinished:
    """The unfinished work of all processes, as the engine knows it; whoever resumes a piece owns it."""

    def __init__(self, *work: tuple[str, str]) -> None:
        self.work = [Interrupted(workflow_id, "analyse", executor) for workflow_id, executor in work]
        self.resumed: list[tuple[str, str]] = []

    def seen_by(self, executor_id: str) -> "View":
        return View(self, executor_id)


class View:
    """The same, as one process sees it."""

    def __init__(self, all_of_it: Unfinished, executor_id: str) -> None:
        self._all = all_of_it
        self._me = executor_id

    async def unfinished(self) -> list[Interrupted]:
        return [piece for piece in self._all.work if piece.executor_id != self._me]

    async def resume(self, work: Collection[Interrupted]) -> None:
        await asyncio.sleep(0.01)
        ids = {piece.workflow_id for piece in work}
        self._all.work = [p._replace(executor_id=self._me) if p.workflow_id in ids else p for p in self._all.work]
        self._all.resumed += [(workflow_id, self._me) for workflow_id in sorted(ids)]


@pytest.fixture
def make(database: Database, clock: Any) -> Callable[..., Heartbeat]:
    def make(work: Unfinished, me: str = "me", taken_over: Callable[[], None] = lambda: None) -> Heartbeat:
        return Heartbeat(database, work.seen_by(me), clock, me, "here", taken_over)

    return make


async def fall_silent(database: Database, executor_id: str) -> None:
    async with database.write() as connection:
        await workers.beat(connection, executor_id, "there")
        await workers.leave(connection, executor_id)


async def test_the_work_of_a_silent_process_is_taken_over_once(
    database: Database, make: Callable[..., Heartbeat]
) -> None:
    work = Unfinished(("incident:1:1", "dead"), ("incident:2:1", "dead"))
    await fall_silent(database, "dead")
    beats = [make(work, "one"), make(work, "two")]
    for heartbeat in beats:
        await heartbeat.beat()
    taken = await asyncio.gather(*[heartbeat.take_over() for heartbeat in beats])
    assert sorted(taken) == [0, 2]
    assert [workflow_id for workflow_id, _ in work.resumed] == ["incident:1:1", "incident:2:1"]


async def test_the_work_of_a_living_process_is_left_alone(database: Database, make: Callable[..., Heartbeat]) -> None:
    work = Unfinished(("incident:1:1", "two"))
    await make(work, "two").beat()
    await make(work, "one").beat()
    assert await make(work, "one").take_over() == 0


async def test_work_whose_owner_nobody_knows_is_taken_over(make: Callable[..., Heartbeat]) -> None:
    work = Unfinished(("incident:1:1", "forgotten"))
    heartbeat = make(work)
    await heartbeat.beat()
    assert await heartbeat.take_over() == 1


async def test_a_process_that_leaves_is_followed_at_once(make: Callable[..., Heartbeat]) -> None:
    work = Unfinished(("incident:1:1", "two"))
    leaving, staying = make(work, "two"), make(work, "one")
    await leaving.beat()
    await staying.beat()
    await leaving.leave()
    assert await staying.take_over() == 1


def test_whoever_is_silent_is_followed_within_fifteen_seconds() -> None:
    """The last beat, the silence, the next look; what is left is for the engine's queue."""
    assert DEAD_AFTER.total_seconds() + BEAT_SECONDS < 15


async def test_the_loop_takes_over_and_says_so(
    database: Database, clock: Any, make: Callable[..., Heartbeat], monkeypatch: pytest.MonkeyPatch
) -> None:
    work, said = Unfinished(), asyncio.Event()
    heartbeat = make(work, taken_over=said.set)

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0.01)

    monkeypatch.setattr(clock, "sleep", sleep)
    running = asyncio.create_task(heartbeat.run())
    await asyncio.sleep(0.2)
    await fall_silent(database, "dead")
    async with asyncio.timeout(60):
        await said.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    async with database.read() as connection:
        assert await workers.alive(connection, DEAD_AFTER) == {"me"}
        assert await workers.silent(connection, timedelta(0)) <= {"me"}


async def test_work_that_cannot_be_resumed_is_tried_again(database: Database, make: Callable[..., Heartbeat]) -> None:
    class Away(Unfinished):
        def seen_by(self, executor_id: str) -> View:
            view = View(self, executor_id)

            async def resume(work: Collection[Interrupted]) -> None:
                raise StorageBusy("the engine's database is away")

            view.resume = resume  # type: ignore[method-assign]
            return view

    await fall_silent(database, "dead")
    with pytest.raises(StorageBusy):
        await make(Away(("incident:1:1", "dead"))).take_over()
    async with database.read() as connection:
        assert await workers.silent(connection, DEAD_AFTER) == {"dead"}
