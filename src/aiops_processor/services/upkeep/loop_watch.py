"""Says who blocks the event loop: middleware or an endpoint of a plugin that waits there stops everything.

A thread cannot end that, but whoever reads the log knows which line to mend.
"""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Iterator
from types import FrameType

import structlog

from aiops_processor.plugins.folder import PACKAGE

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
BLOCKED_SECONDS = 5.0


@contextlib.contextmanager
def watching_loop(look_seconds: float = LOOK_SECONDS, blocked_seconds: float = BLOCKED_SECONDS) -> Iterator[None]:
    """While this lasts a thread asks the running loop for a sign of life, and logs where it stands when none comes."""
    ended = threading.Event()
    arguments = (asyncio.get_running_loop(), threading.get_ident(), ended, look_seconds, blocked_seconds)
    threading.Thread(target=_watch, args=arguments, name="loop watch", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _watch(
    loop: asyncio.AbstractEventLoop, thread: int, ended: threading.Event, look_seconds: float, blocked_seconds: float
) -> None:
    while not ended.wait(look_seconds):
        alive = threading.Event()
        try:
            loop.call_soon_threadsafe(alive.set)
        except RuntimeError:  # it is closed
            return
        if alive.wait(blocked_seconds):
            continue
        log.warning("the event loop is blocked, and nothing is answered", seconds=blocked_seconds, at=_where(thread))
        while not (alive.wait(look_seconds) or ended.is_set()):
            pass


def _where(thread: int) -> str:
    """`FILE:LINE`: the innermost line of a plugin in the folder, else the innermost of all; "" where it has ended."""
    innermost = frame = sys._current_frames().get(thread)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(f"{PACKAGE}."):
            return _line(frame)
        frame = frame.f_back
    return _line(innermost) if innermost else ""


def _line(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
