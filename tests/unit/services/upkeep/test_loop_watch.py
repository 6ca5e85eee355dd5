"""Whoever blocks the event loop is named by file and line, once."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from aiops_processor.plugins import Door
from aiops_processor.plugins.folder import Folder
from aiops_processor.services.upkeep.loop_watch import watching_loop

pytestmark = pytest.mark.anyio

FILTER = """
from aiops_processor.plugins import plugin

@plugin("filter")
def waits(wait, now):
    return wait()
"""


class Noting:
    """A log that is kept, and lets whoever waits for it go on."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.said = threading.Event()

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append({"event": event, **fields})
        self.said.set()


async def test_a_plugin_that_blocks_is_named_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(FILTER)
    waits = Door(Folder(tmp_path)).make("filter", "waits", {})
    noting = Noting()
    monkeypatch.setattr("aiops_processor.services.upkeep.loop_watch.log", noting)

    def until_said() -> bool:
        with watching_loop(look_seconds=0.01, blocked_seconds=0.1):
            return noting.said.wait(60)

    assert waits(until_said, None), "it blocks until the log has said so"
    assert noting.lines[0]["at"] == f"{tmp_path / 'mine.py'}:6"
    assert noting.lines[0]["event"] == "the event loop is blocked, and nothing is answered"


async def test_the_thread_ends_with_what_it_watches() -> None:
    before = set(threading.enumerate())
    with watching_loop(look_seconds=0.01):
        (thread,) = [each for each in set(threading.enumerate()) - before if each.name == "loop watch"]
    await asyncio.to_thread(thread.join, 60)
    assert not thread.is_alive()
