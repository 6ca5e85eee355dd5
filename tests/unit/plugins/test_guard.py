"""A plugin that raises, hangs or answers nonsense harms nobody else."""

import asyncio
import contextlib
import threading
from typing import Any

import pytest

from aiops_processor.errors import PluginFault
from aiops_processor.plugins.guard import Fault, Guarded

pytestmark = pytest.mark.anyio


def guarded(function: Any, faults: list[Fault], seconds: float = 30) -> Guarded[str | None]:
    return Guarded("filter", "it", function, seconds, (str, type(None)), faults.append)


async def test_what_a_plugin_answers_is_given_back_whether_it_is_async_or_not() -> None:
    async def later(alert: str) -> str:
        await asyncio.sleep(0)
        return alert

    faults: list[Fault] = []
    assert [await guarded(each, faults)("a") for each in (str.lower, later)] == ["a", "a"]
    assert faults == []


async def test_a_plugin_runs_outside_of_the_event_loop_s_thread() -> None:
    seen: list[threading.Thread] = []
    await guarded(lambda: seen.append(threading.current_thread()), [])()
    assert seen[0] is not threading.current_thread()
    assert seen[0].daemon


async def test_several_calls_have_the_thread_and_the_time_of_one() -> None:
    threads: set[threading.Thread] = set()

    async def lower(text: str) -> str:
        threads.add(threading.current_thread())
        return text.lower()

    assert await guarded(lower, []).each([("A",), ("B",), ("C",)]) == ["a", "b", "c"]
    assert len(threads) == 1


@pytest.mark.parametrize("error", [ValueError("hunter2"), SystemExit(1), TimeoutError(), KeyboardInterrupt()])
async def test_what_it_raises_is_a_fault_that_tells_nothing_of_what_it_was_given(error: BaseException) -> None:
    def raising() -> None:
        raise error

    faults: list[Fault] = []
    with pytest.raises(PluginFault, match=rf"^filter it: raised {type(error).__name__}$"):
        await guarded(raising, faults)()
    assert faults == [Fault("filter", "it", "raised")]


async def test_one_that_hangs_is_given_up_and_not_asked_again_until_it_ends() -> None:
    release, faults, answers = threading.Event(), list[Fault](), list[str]()

    def hanging() -> None:
        release.wait()
        answers.append("asked")

    it = guarded(hanging, faults, seconds=0.05)
    with pytest.raises(PluginFault, match=r"no answer within 0\.05 s"):
        await it()
    with pytest.raises(PluginFault, match="an earlier call has not ended yet"):
        await it()
    release.set()
    assert await _answers_at_last(it)
    assert len(answers) >= 2
    assert {fault.what for fault in faults} == {"slow"}


async def _answers_at_last(it: Guarded[str | None]) -> bool:
    """Within two minutes; on a busy machine even this one may be slow once more."""
    for _ in range(12_000):
        with contextlib.suppress(PluginFault):
            await it()
            return True
        await asyncio.sleep(0.01)
    return False


async def test_our_own_are_called_without_a_thread_and_guarded_as_well() -> None:
    seen: list[threading.Thread] = []
    ours = Guarded[None](
        "filter", "it", lambda: seen.append(threading.current_thread()), 30, (type(None),), inline=True
    )
    await ours()
    assert seen == [threading.current_thread()]
    with pytest.raises(PluginFault, match="raised ZeroDivisionError"):
        await Guarded[None]("filter", "it", lambda: 1 / 0, 30, (type(None),), inline=True)()


async def test_of_many_faults_one_is_logged_and_all_are_counted() -> None:
    faults: list[Fault] = []
    it = guarded(lambda: 1 / 0, faults)
    for _ in range(5):
        with pytest.raises(PluginFault):
            await it()
    assert (len(faults), it._unlogged) == (5, 4)


async def test_others_are_asked_while_one_hangs() -> None:
    release = threading.Event()
    hanging = asyncio.create_task(guarded(release.wait, [])())
    assert await guarded(lambda: "on", [])() == "on"
    release.set()
    with pytest.raises(PluginFault, match="answered with bool, not str or NoneType"):
        await hanging


async def test_an_async_plugin_that_blocks_blocks_only_itself() -> None:
    release = threading.Event()

    async def blocking() -> None:
        release.wait()

    waiting = asyncio.create_task(guarded(blocking, [])())
    for _ in range(3):
        await asyncio.sleep(0)
    release.set()
    assert await waiting is None
