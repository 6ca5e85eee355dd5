"""Calling a plugin so that nothing it does harms anybody else: not on the event loop, not for long, no error unseen."""

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar, cast

import structlog

from aiops_processor.errors import PluginFault

R_co = TypeVar("R_co", covariant=True)

log = structlog.get_logger(__name__)


class Fault(NamedTuple):
    """What a plugin did wrong: `raised`, `slow` (no answer in its time), or `wrong` (an answer of another type)."""

    kind: str
    name: str
    what: str


class Guarded(Generic[R_co]):
    """A plugin that can be called from the event loop. `gives` are the types that it may answer with.

    Each call has a thread of its own, in which an `async` plugin has an event loop of its own: one that blocks blocks
    only itself. A thread cannot be ended; while one that was given up still runs, nothing more is asked of its plugin.
    The threads are daemons, so that none keeps the process from ending. `fault` hears of everything that goes wrong.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        function: Callable[..., Any],
        seconds: float,
        gives: tuple[type, ...],
        fault: Callable[[Fault], None] = lambda _: None,
    ) -> None:
        self.kind, self.name = kind, name
        self._function = function
        self._seconds = seconds
        self._gives = gives
        self._fault = fault
        self._given_up = 0

    async def __call__(self, *arguments: object) -> R_co:
        """What the plugin answers. Raises PluginFault, whose text tells nothing of the arguments."""
        if self._given_up > 0:
            raise self._failed("slow", "an earlier call has not ended yet")
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._in_thread(arguments)
        except TimeoutError:
            raise self._failed("slow", f"no answer within {self._seconds:g} s") from None
        except _Raised as raised:
            error = raised.error
            log.warning("a plugin failed", kind=self.kind, plugin=self.name, exc_info=error)
            raise self._failed("raised", f"raised {type(error).__name__}") from None
        if not isinstance(answer, self._gives):
            known = " or ".join(each.__name__ for each in self._gives)
            raise self._failed("wrong", f"answered with {type(answer).__name__}, not {known}")
        return cast("R_co", answer)

    async def _in_thread(self, arguments: tuple[object, ...]) -> object:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[object] = loop.create_future()

        def settle(answer: object, error: BaseException | None) -> None:
            if done.cancelled():
                self._given_up -= 1
            elif error is not None:
                done.set_exception(_Raised(error))
            else:
                done.set_result(answer)

        def run() -> None:
            answer: object = None
            error: BaseException | None = None
            try:
                answer = _answer(self._function, arguments)
            except BaseException as raised:  # noqa: BLE001 - SystemExit too: a thread must not end without a word
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile, and with it who asked
                loop.call_soon_threadsafe(settle, answer, error)

        threading.Thread(target=run, name=f"{self.kind} {self.name}", daemon=True).start()
        try:
            return await done
        except asyncio.CancelledError:
            self._given_up += not done.done() or done.cancelled()
            raise

    def _failed(self, what: str, words: str) -> PluginFault:
        self._fault(Fault(self.kind, self.name, what))
        if what != "raised":
            log.warning("a plugin failed", kind=self.kind, plugin=self.name, reason=words)
        return PluginFault(f"{self.kind} {self.name}: {words}")


class _Raised(Exception):
    """What a plugin raised, carried over from its thread."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _answer(function: Callable[..., Any], arguments: tuple[object, ...]) -> object:
    answer = function(*arguments)
    if inspect.iscoroutine(answer):
        return asyncio.run(answer)
    return answer
