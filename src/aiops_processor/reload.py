"""Settings read anew while the service runs (SIGHUP): new work gets new parts, work under way keeps its own."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import AiopsError
from aiops_processor.parts import Parts
from aiops_processor.settings import Settings

log = structlog.get_logger(__name__)

GRACE_SECONDS = 900
"""Replaced parts stay open so long: an analysis that began with them has ended by then, or is done again."""
FIXED = (
    ("api", "host"),
    ("api", "port"),
    ("database", "url"),
    ("aiops", "data_dir"),
    ("max", "queries"),
    ("slack", "app_token"),
)
"""What a running process cannot change."""


class Reloading:
    """Holds the parts in force, and replaces them by those of the settings that `read` gives.

    `make` turns settings into parts and may raise an AiopsError; what it had made by then is on the stack that it is
    given, and is closed. `use` hands parts to everything that works with them
    and is called on the event loop. All parts that are still open are closed with `aclose`.
    """

    def __init__(
        self,
        parts: Parts,
        read: Callable[[], Settings],
        make: Callable[[Settings, contextlib.AsyncExitStack], Parts],
        use: Callable[[Parts], None],
        clock: Clock,
    ) -> None:
        self._parts = parts
        self._read = read
        self._make = make
        self._use = use
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._retiring: dict[asyncio.Task[None], Parts] = {}
        self._reloads: set[asyncio.Task[bool]] = set()

    async def reload(self) -> bool:
        """Put the settings as they are now into force. What is wrong with them is logged, and the old ones stay."""
        async with self._one_at_a_time, contextlib.AsyncExitStack() as opened:
            try:
                # In a thread: a model's SDK takes a second to import, and alerts are to be answered meanwhile.
                new = await asyncio.to_thread(lambda: self._make(self._read(), opened))
            except AiopsError as error:
                log.error("the settings were not reloaded, the old ones stay in force", error=str(error))
                return False
            except Exception:  # a fault of a plugin, or of ours: whoever sent the signal must not believe it was done
                log.exception("the settings were not reloaded, the old ones stay in force")
                return False
            opened.pop_all()  # it is in use now, and closed with the parts
            old, self._parts = self._parts, new
            self._use(new)
            self._retire(old)
        if ignored := fixed_changes(old.settings, new.settings):
            log.warning("settings that change only with a restart were ignored", settings=ignored)
        log.info("settings reloaded")
        return True

    @contextlib.contextmanager
    def on_hangup(self) -> Iterator[None]:
        """While this lasts SIGHUP reloads; without effect where signals do not come (another thread, Windows)."""
        loop = asyncio.get_running_loop()
        try:
            loop.add_signal_handler(signal.SIGHUP, self._begin)
        except (AttributeError, NotImplementedError, RuntimeError, ValueError):
            yield
            return
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)

    async def aclose(self) -> None:
        """Close the parts in force and those that are still in their grace."""
        for task in (*self._reloads, *self._retiring):
            task.cancel()
        await asyncio.gather(*self._reloads, *self._retiring, return_exceptions=True)
        for parts in (*self._retiring.values(), self._parts):
            await parts.aclose()
        self._retiring.clear()

    def _begin(self) -> None:
        task = asyncio.create_task(self.reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    def _retire(self, old: Parts) -> None:
        task = asyncio.create_task(self._close_later(old))
        self._retiring[task] = old

    async def _close_later(self, old: Parts) -> None:
        await self._clock.sleep(GRACE_SECONDS)
        await old.aclose()
        task = asyncio.current_task()
        if task is not None:
            self._retiring.pop(task, None)


def fixed_changes(old: Settings, new: Settings) -> list[str]:
    """The names of settings that differ and that only a restart changes."""
    return [
        f"{section}_{name}".upper()
        for section, name in FIXED
        if getattr(getattr(old, section), name) != getattr(getattr(new, section), name)
    ]
