"""Calling a plugin so that nothing it does harms anybody else: not on the event loop, not for long, no error unseen."""

import asyncio
import contextlib
import inspect
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar, cast

import structlog

from aiops_processor.errors import PluginFault

R_co = TypeVar("R_co", covariant=True)

log = structlog.get_logger(__name__)

QUIET_SECONDS = 60.0
"""So long after a fault was logged further ones of its plugin are only counted."""


class Fault(NamedTuple):
    """What a plugin did wrong: `raised`, `slow` (no answer in its time), or `wrong` (an answer of another type)."""

    kind: str
    name: str
    what: str


class Guarded(Generic[R_co]):
    """A plugin that can be called from the event loop. `gives` are the types that it may answer with.

    Each call has a thread of its own, in which an `async` plugin has an event loop of its own: one that blocks blocks
    only itself. A thread cannot be ended; while one that was given up still runs, nothing more is asked of its plugin.
    The threads are daemons, so that none keeps the process from ending. `fault` hears of everything that goes wrong;
    the log of the first in a minute. `inline` ones are called without a thread: our own, which are known not to block.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        function: Callable[..., Any],
        seconds: float,
        gives: tuple[type, ...],
        fault: Callable[[Fault], None] = lambda _: None,
        *,
        inline: bool = False,
    ) -> None:
        self.kind, self.name = kind, name
        self._function = function
        self._seconds = seconds
        self._gives = gives
        self._fault = fault
        self._inline = inline
        self._given_up = 0
        self._logged_at = float("-inf")
        self._unlogged = 0

    async def __call__(self, *arguments: object) -> R_co:
        """What the plugin answers. Raises PluginFault, whose text tells nothing of the arguments."""
        (answer,) = await self.each([arguments])
        return answer

    async def each(self, calls: Sequence[tuple[object, ...]]) -> list[R_co]:
        """What it answers to each of these calls, made one after the other in the time of one. Raises PluginFault."""
        if self._given_up > 0:
            raise self._failed("slow", "an earlier call has not ended yet")
        try:
            async with asyncio.timeout(self._seconds):
                answers = _inline(self._function, calls) if self._inline else await self._in_thread(calls)
        except TimeoutError:
            raise self._failed("slow", f"no answer within {self._seconds:g} s") from None
        except _Raised as raised:
            raise self._failed("raised", f"raised {type(raised.error).__name__}", raised.error) from None
        if wrong := [answer for answer in answers if not isinstance(answer, self._gives)]:
            known = " or ".join(each.__name__ for each in self._gives)
            raise self._failed("wrong", f"answered with {type(wrong[0]).__name__}, not {known}")
        return cast("list[R_co]", answers)

    async def _in_thread(self, calls: Sequence[tuple[object, ...]]) -> list[object]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[list[object]] = loop.create_future()

        def settle(answers: list[object], error: BaseException | None) -> None:
            if done.cancelled():
                self._given_up -= 1
            elif error is not None:
                done.set_exception(_Raised(error))
            else:
                done.set_result(answers)

        def run() -> None:
            answers = list[object]()
            error: BaseException | None = None
            try:
                answers = [_answer(self._function, arguments) for arguments in calls]
            except BaseException as raised:  # noqa: BLE001 - SystemExit too: carried over to whoever asked, and logged
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile, and with it who asked
                loop.call_soon_threadsafe(settle, answers, error)

        threading.Thread(target=run, name=f"{self.kind} {self.name}", daemon=True).start()
        try:
            return await done
        except asyncio.CancelledError:
            self._given_up += not done.done() or done.cancelled()
            raise

    def _failed(self, what: str, words: str, error: BaseException | None = None) -> PluginFault:
        self._fault(Fault(self.kind, self.name, what))
        now = time.monotonic()
        if now - self._logged_at < QUIET_SECONDS:  # a storm is thousands of alerts, and each would be a trace
            self._unlogged += 1
        else:
            fields = {"kind": self.kind, "plugin": self.name, "reason": words, "not_logged": self._unlogged}
            log.warning("a plugin failed", exc_info=error, **fields)
            self._logged_at, self._unlogged = now, 0
        return PluginFault(f"{self.kind} {self.name}: {words}")


class _Raised(Exception):
    """What a plugin raised, carried over from its thread."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _inline(function: Callable[..., Any], calls: Sequence[tuple[object, ...]]) -> list[object]:
    try:
        return [function(*arguments) for arguments in calls]
    except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything; counted, and logged with it
        raise _Raised(error) from None


def _answer(function: Callable[..., Any], arguments: tuple[object, ...]) -> object:
    answer = function(*arguments)
    if inspect.iscoroutine(answer):
        return asyncio.run(answer)
    return answer
