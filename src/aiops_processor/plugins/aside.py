"""Plugins with connections, each on an event loop of its own: one that blocks blocks only itself.

A channel, a model or an action keeps connections from call to call, and those belong to one event loop; so it has one
thread with one loop for as long as it is open, where a function has a new one for each call (guard.py).
"""

import asyncio
import contextlib
import inspect
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import structlog

from aiops_processor.errors import PluginFault, PluginLost
from aiops_processor.plugins.guard import Fault
from aiops_processor.plugins.kinds import KINDS

log = structlog.get_logger(__name__)

OURS = "aiops_processor."
CLOSE_SECONDS = 5.0
NOTICE_SECONDS = 1.0
"""How long a call that was given up may take to end before the log says where it stands."""
Ended = tuple[Any, Exception | None]
"""What a call gave, or raised."""


def aside(kind: str, name: str, plugin: Any, fault: Callable[[Fault], None] = lambda _: None) -> Any:
    """The plugin, its `async` methods called away from the event loop; one of ours as it is, for those do not block.

    `fault` hears of calls that were given up and went on all the same. `aclose` takes seconds at most, and raises
    nothing.
    """
    return plugin if type(plugin).__module__.startswith(OURS) else Aside(kind, name, plugin, fault)


class Aside:
    """Stands for a plugin: has its attributes, and its methods as they are called from another event loop.

    A call raises what the plugin raises, PluginLost in the place of what would end the process, and PluginFault where
    it was not made: an earlier one that was given up has not ended. A call that is cancelled is over at once, however
    long its coroutine takes.
    """

    def __init__(self, kind: str, name: str, plugin: Any, fault: Callable[[Fault], None]) -> None:
        self._kind, self._called = kind, name
        self._plugin = plugin
        self._fault = fault
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._given_up = 0
        self._close = plugin.aclose
        # Attributes of the object, not of `__getattr__`: a check against a protocol looks for nothing else since 3.12.
        for method in (*KINDS[kind].methods, *KINDS[kind].may):
            if method != "aclose" and (found := getattr(plugin, method, None)) is not None:
                setattr(self, method, partial(self._call, found) if inspect.iscoroutinefunction(found) else found)
        for attribute in (*KINDS[kind].attributes, "calls_tools"):
            if hasattr(plugin, attribute):
                setattr(self, attribute, getattr(plugin, attribute))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plugin, name)

    async def aclose(self) -> None:
        if self._closed:
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._call(self._close)
        except (PluginFault, TimeoutError):
            log.warning("a plugin was not closed in its time", kind=self._kind, plugin=self._called)
        except Exception as error:  # whoever closes has others to close
            log.warning("a plugin was not closed", kind=self._kind, plugin=self._called, exc_info=error)
        self._closed = True
        if self._loop:
            self._loop.call_soon_threadsafe(self._loop.stop)

    async def _call(self, function: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        if self._closed or self._given_up > 0:
            raise self._not_called("is closed" if self._closed else "an earlier call has not ended yet")
        ours, theirs = asyncio.get_running_loop(), self._begun()
        done: asyncio.Future[Any] = ours.create_future()
        tasks = list[asyncio.Task[Ended]]()

        def settle(answer: Any, error: Exception | None) -> None:
            if done.cancelled():
                self._given_up -= 1
            elif error is not None:
                done.set_exception(error)
            else:
                done.set_result(answer)

        def ended(task: asyncio.Task[Ended]) -> None:
            # One that is cancelled before its first step, because another blocked the loop, has run nothing of its own.
            answer = (None, PluginLost("was given up")) if task.cancelled() else task.result()
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile, and with it who asked
                ours.call_soon_threadsafe(settle, *answer)

        def begin() -> None:
            tasks.append(theirs.create_task(_ended(function, arguments)))
            tasks[0].add_done_callback(ended)

        def give_up() -> None:
            tasks[0].cancel()

        theirs.call_soon_threadsafe(begin)
        try:
            return await done
        except asyncio.CancelledError:
            if done.cancelled():
                self._given_up += 1
                theirs.call_soon_threadsafe(give_up)
                ours.call_later(NOTICE_SECONDS, self._notice)
            raise

    def _begun(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            name = f"{self._kind} {self._called}"
            self._thread = threading.Thread(target=_run, args=(self._loop,), name=name, daemon=True)
            self._thread.start()
        return self._loop

    def _notice(self) -> None:
        """Say of a call that does not end where it stands: whoever wrote it will look for that line."""
        if self._given_up > 0 and self._thread:
            self._fault(Fault(self._kind, self._called, "slow"))
            module = sys.modules.get(type(self._plugin).__module__)
            at = _line(self._thread, getattr(module, "__file__", None) or "")
            log.warning("a plugin blocks, and is not called until it ends", kind=self._kind, plugin=self._called, at=at)

    def _not_called(self, words: str) -> PluginFault:
        return PluginFault(f"{self._kind} {self._called}: {words}")


async def _ended(function: Callable[..., Awaitable[Any]], arguments: tuple[Any, ...]) -> Ended:
    """What came of it. An end of the process that it raises would end its thread without a word."""
    try:
        return await function(*arguments), None
    except Exception as error:  # noqa: BLE001 - raised again where it was called
        return None, error
    except BaseException as error:  # noqa: BLE001 - the same
        return None, PluginLost(f"raised {type(error).__name__}")


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def _line(thread: threading.Thread, file: str) -> str:
    """`FILE:LINE` where the thread stands in this file, else wherever it stands; "" where it has ended."""
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None:
        return ""
    stack = list(traceback.extract_stack(frame))
    found = [each for each in stack if each.filename == file] or stack
    return f"{found[-1].filename}:{found[-1].lineno}"
