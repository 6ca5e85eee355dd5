"""No pattern takes long for any text: texts come from strangers, and Python's expressions go back and try again."""

import contextlib
import importlib
import pkgutil
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import aiops_processor

TOP = Path(aiops_processor.__file__).parent
LENGTH = 1_500
MOST_SECONDS = 2.0
"""Of processor time. What takes a square's time needs some milliseconds here, what takes a cube's or worse minutes."""
PIECES = (
    *"a1A é.-_/@:='\"\\()[]{}<>&;|,*`\n",
    "a1",
    "a.",
    "a-",
    "a ",
    "a,",
    "1.",
    "1:",
    "--a ",
    "://",
    "a@",
    '\\"',
    "''",
)
REPLAYING = "aiops_processor.demo"
"""Reads recordings and the queries of our own reports, never what a stranger sends to a running service."""


def patterns() -> Iterator[tuple[str, re.Pattern[str], bool]]:
    """Name, pattern and whether it looks for a place in the text, of every pattern of a module."""
    for module in pkgutil.walk_packages([str(TOP)], "aiops_processor."):
        if module.name.startswith(REPLAYING) or ".migrations." in module.name or module.name.endswith("__main__"):
            continue
        loaded = importlib.import_module(module.name)
        source = Path(loaded.__file__ or "").read_text(encoding="utf-8")
        for name, found in vars(loaded).items():
            if isinstance(found, re.Pattern) and isinstance(found.pattern, str) and f"{name} = re.compile" in source:
                looks = re.search(rf"\b{name}\.(?:search|sub|split|findall|finditer)\b", source) is not None
                yield f"{module.name}.{name}", found, looks


FOUND = list(patterns())


def test_the_patterns_are_found() -> None:
    assert len(FOUND) > 80


@pytest.mark.parametrize(("pattern", "looks"), [found[1:] for found in FOUND], ids=[found[0] for found in FOUND])
def test_no_pattern_takes_long(pattern: re.Pattern[str], looks: bool) -> None:
    words = re.findall(r"[A-Za-z]{3,}", pattern.pattern)[:8]
    ask = pattern.search if looks else pattern.fullmatch
    for piece in (*PIECES, *words, *(f"{word} " for word in words), *(f"{word}=" for word in words)):
        for begin in ("", *words[:2]):
            with limited(f"{begin!r}, then {piece!r} again and again"):
                ask(begin + piece * (LENGTH // len(piece)) + "\x00")


@contextlib.contextmanager
def limited(what: str) -> Iterator[None]:
    """Fails after the time, also in the middle of a search: `re` looks for signals."""

    def over(*_: object) -> None:
        pytest.fail(f"takes more than {MOST_SECONDS:g} s: {what}")

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
