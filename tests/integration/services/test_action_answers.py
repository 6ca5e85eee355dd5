"""Actions whose answers are lost, whose plugins block, and trackers that know late what was made in them."""

import asyncio
import threading
from typing import Any

import pytest

from aiops_processor.actions.jira import JiraAction
from aiops_processor.errors import DeliveryUncertain, PluginFault
from aiops_processor.models.action import ActionState
from aiops_processor.models.notification import Message
from aiops_processor.plugins.aside import aside
from aiops_processor.services.acting.doing import LOOK_AFTER

pytestmark = pytest.mark.anyio


class Lagging:
    """A tracker that takes a ticket, loses its answer, and whose search knows of it `lag` seconds later."""

    found_within_seconds = JiraAction.found_within_seconds

    def __init__(self, clock: Any, lag: float) -> None:
        self.clock, self.lag = clock, lag
        self.made: list[Any] = []
        self.looked: list[float] = []
        self.takes = True

    async def act(self, message: Message, key: str) -> str | None:
        if self.takes:
            self.made.append(self.clock.now())
        raise DeliveryUncertain("it broke off")

    async def find(self, message: Message, key: str) -> str | None:
        now = self.clock.now()
        self.looked.append((now - self.made[0]).total_seconds() if self.made else 0)
        return "created OPS-1" if self.made and self.looked[-1] >= self.lag else None

    async def aclose(self) -> None: ...


@pytest.mark.parametrize("lag", [11, 45, 300, 599])
async def test_a_ticket_whose_answer_was_lost_is_not_made_twice_by_a_search_that_lags(
    analysed: Any, desk_of: Any, configured: Any, lag: float
) -> None:
    tracker = Lagging(analysed.clock, lag)
    desk = desk_of(analysed, configured(tracker))
    assert await desk.states() == ["running"]
    for _ in range(70):
        (record,) = await desk.round(LOOK_AFTER.total_seconds())
    assert (record.state, record.line, len(tracker.made)) == (ActionState.DONE, "created OPS-1", 1)
    assert len(tracker.looked) <= 7, "with growing pauses"


async def test_what_is_surely_not_there_is_made_again(analysed: Any, desk_of: Any, configured: Any) -> None:
    tracker = Lagging(analysed.clock, 0)
    tracker.takes = False
    desk = desk_of(analysed, configured(tracker))
    await desk.round()
    (record,) = await desk.round(LOOK_AFTER.total_seconds())
    assert "perhaps done, and not found yet; it is looked for until " in record.error
    tracker.takes = True
    (record,) = await desk.round(tracker.found_within_seconds)
    assert len(tracker.made) == 1
    (record,) = await desk.round(LOOK_AFTER.total_seconds())
    assert (record.state, record.line) == (ActionState.DONE, "created OPS-1")


class Blocks:
    """An action that waits as `time.sleep` does, until the test lets it go."""

    def __init__(self) -> None:
        self.began, self.release = threading.Event(), threading.Event()
        self.done: list[str] = []

    async def act(self, message: Message, key: str) -> str | None:
        self.began.set()
        assert self.release.wait(60), "nobody else did anything meanwhile"
        self.done.append(key)
        return "done"

    async def find(self, message: Message, key: str) -> str | None:
        return "found" if key in self.done else None

    async def aclose(self) -> None: ...


class Quick(Blocks):
    async def act(self, message: Message, key: str) -> str | None:
        return "quick"


async def test_an_action_that_blocks_stops_nothing_else(analysed: Any, desk_of: Any, configured: Any) -> None:
    blocks = Blocks()
    desk = desk_of(
        analysed,
        configured(aside("action", "blocks", blocks), name="blocks", seconds=60.0),
        configured(aside("action", "quick", Quick()), name="quick"),
    )
    working = asyncio.create_task(desk.round())
    assert await asyncio.to_thread(blocks.began.wait, 60), "and this loop goes on meanwhile"
    blocks.release.set()
    assert [(each.name, each.line) for each in await working] == [("blocks", "done"), ("quick", "quick")]


async def test_one_that_blocks_for_longer_than_its_time_is_looked_for_and_not_done_twice(
    analysed: Any, desk_of: Any, configured: Any, until: Any
) -> None:
    blocks = Blocks()
    mine = aside("action", "blocks", blocks)
    desk = desk_of(analysed, configured(mine, name="blocks", seconds=2.0))
    assert await desk.states() == ["running"]
    (record,) = await desk.round(LOOK_AFTER.total_seconds())
    assert (record.state, record.error) == (ActionState.RUNNING, "action blocks: an earlier call has not ended yet")
    blocks.release.set()

    async def ended() -> bool:
        try:
            return await mine.find(None, "") is None
        except PluginFault:
            return False

    await until(ended)
    (record,) = await desk.round(LOOK_AFTER.total_seconds())
    assert (record.state, record.line, len(blocks.done)) == (ActionState.DONE, "found", 1)
