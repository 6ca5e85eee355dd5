"""A plugin with connections that blocks, hangs or would end the process harms nobody but itself."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from aiops_processor.errors import DeliveryRefused, PluginFault, PluginLost
from aiops_processor.notifiers.log import LogNotifier
from aiops_processor.plugins import CallsTools, Finds, Plans
from aiops_processor.plugins.aside import Aside, aside
from aiops_processor.plugins.guard import Fault

pytestmark = pytest.mark.anyio

MOST_SECONDS = 60


class Act:
    """An action that does what it is told to."""

    label = "Do it"

    def __init__(self, does: Callable[[], Any] = lambda: None) -> None:
        self.does = does
        self.threads: set[threading.Thread] = set()
        self.loops: set[asyncio.AbstractEventLoop] = set()
        self.closed = 0

    def plan(self, message: str) -> str:
        return f"do {message}"

    async def act(self, message: str, key: str) -> str:
        self.threads.add(threading.current_thread())
        self.loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0)
        self.does()
        return f"{message} {key}"

    async def aclose(self) -> None:
        self.loops.add(asyncio.get_running_loop())
        self.closed += 1


class Blocks:
    """Waits as `time.sleep` does, until the test lets it go."""

    def __init__(self) -> None:
        self.began, self.release = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.began.set()
        assert self.release.wait(MOST_SECONDS)


def raising(error: BaseException) -> Callable[[], None]:
    def does() -> None:
        raise error

    return does


def beside(action: Any, faults: list[Fault] | None = None) -> Any:
    return aside("action", "mine", action, (faults if faults is not None else []).append)


async def ended(task: asyncio.Task[Any], blocks: Blocks, close: Any) -> None:
    """Let a call that blocks go, after it was given up."""
    blocks.release.set()
    await asyncio.gather(task, return_exceptions=True)
    await close.aclose()


async def test_all_calls_of_a_plugin_have_one_event_loop_in_a_thread_of_its_own() -> None:
    action = Act()
    mine = beside(action)
    assert await asyncio.gather(mine.act("a", "k"), mine.act("b", "k")) == ["a k", "b k"]
    await mine.aclose()
    ((thread,), (loop,)) = action.threads, action.loops
    assert thread is not threading.current_thread()
    assert (thread.daemon, thread.name, action.closed) == (True, "action mine", 1)
    await asyncio.to_thread(thread.join, MOST_SECONDS)
    assert (thread.is_alive(), loop.is_closed()) == (False, True)


async def test_it_has_the_attributes_and_the_optional_methods_of_what_it_stands_for() -> None:
    mine = beside(Act())
    assert (mine.label, mine.plan("x"), isinstance(mine, Plans), isinstance(mine, Finds)) == (
        "Do it",
        "do x",
        True,
        False,
    )
    with pytest.raises(AttributeError):
        _ = mine.only_tells


async def test_a_model_that_can_be_offered_tools_still_can() -> None:
    class Tooled:
        name, prompt_tokens, calls_tools = "it", None, True

        async def ask(self, system: str, question: str) -> str:
            return ""

        async def ask_with(self, system: str, question: str, tools: Any) -> str:
            return threading.current_thread().name

        async def aclose(self) -> None: ...

    model = aside("model", "it", Tooled())
    assert [isinstance(each, CallsTools) for each in (model,)] == [True]
    assert await model.ask_with("s", "q", ()) == "model it"
    await model.aclose()


async def test_one_that_blocks_does_not_stop_the_event_loop_and_is_told_with_its_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aiops_processor.plugins.aside.NOTICE_SECONDS", 0.01)
    blocks, faults = Blocks(), list[Fault]()
    mine = beside(Act(blocks), faults)
    with structlog.testing.capture_logs() as logged:
        calling = asyncio.create_task(mine.act("a", "k"))
        assert await asyncio.to_thread(blocks.began.wait, MOST_SECONDS), "and this loop goes on meanwhile"
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        with pytest.raises(PluginFault, match=r"^action mine: an earlier call has not ended yet$"):
            await mine.act("b", "k")
        async with asyncio.timeout(MOST_SECONDS):
            while not logged:  # noqa: ASYNC110 - nobody is told of a log line
                await asyncio.sleep(0.01)
    assert faults == [("action", "mine", "slow")]
    (line,) = logged
    assert (line["plugin"], line["event"]) == ("mine", "a plugin blocks, and is not called until it ends")
    assert line["at"].startswith(f"{__file__}:")
    await ended(calling, blocks, mine)


async def test_one_that_was_given_up_is_called_again_when_it_has_ended(until: Any) -> None:
    blocks = Blocks()
    mine = beside(Act(blocks))
    calling = asyncio.create_task(mine.act("a", "k"))
    assert await asyncio.to_thread(blocks.began.wait, MOST_SECONDS)
    calling.cancel()
    blocks.release.set()

    async def again() -> str:
        try:
            return await mine.act("b", "k")
        except PluginFault:
            return ""

    assert await until(again) == "b k"
    await ended(calling, blocks, mine)


async def test_several_that_waited_behind_one_that_blocks_do_not_close_the_plugin_for_ever(until: Any) -> None:
    blocks = Blocks()
    mine = beside(Act(blocks))
    calling = [asyncio.create_task(mine.act("a", "k"))]
    assert await asyncio.to_thread(blocks.began.wait, MOST_SECONDS)
    calling += [asyncio.create_task(mine.act(each, "k")) for each in "bc"]
    await asyncio.sleep(0)
    for each in calling:
        each.cancel()
    assert [type(each) for each in await asyncio.gather(*calling, return_exceptions=True)] == [
        asyncio.CancelledError
    ] * 3
    blocks.release.set()

    async def again() -> str:
        try:
            return await mine.act("d", "k")
        except PluginFault:
            return ""

    assert await until(again) == "d k"
    await mine.aclose()


async def test_what_it_raises_is_raised_where_it_was_called() -> None:
    mine = beside(Act(raising(DeliveryRefused("no"))))
    with pytest.raises(DeliveryRefused, match=r"^no$"):
        await mine.act("a", "k")
    await mine.aclose()


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError()])
async def test_what_would_end_the_process_ends_only_the_call(error: BaseException) -> None:
    action = Act(raising(error))
    mine = beside(action)
    with pytest.raises(PluginLost, match=f"^raised {type(error).__name__}$"):
        await mine.act("a", "k")
    action.does = lambda: None
    assert await mine.act("b", "k") == "b k"
    await mine.aclose()


async def test_closing_one_that_blocks_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiops_processor.plugins.aside.CLOSE_SECONDS", 0.05)
    blocks = Blocks()

    class Clings(Act):
        async def aclose(self) -> None:
            blocks()

    mine = beside(Clings())
    with structlog.testing.capture_logs() as logged:
        await mine.aclose()
    assert [(each["event"], each["plugin"]) for each in logged] == [("a plugin was not closed in its time", "mine")]
    with pytest.raises(PluginFault, match="is closed"):
        await mine.act("a", "k")
    blocks.release.set()


def test_ours_are_called_as_they_are() -> None:
    ours = LogNotifier()
    assert aside("notifier", "log", ours) is ours
    assert isinstance(beside(Act()), Aside)
