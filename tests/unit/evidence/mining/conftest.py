from collections.abc import Callable

import pytest

MESSAGES = (
    "session 12 closed by peer",
    "accepted connection from 10.0.0.7:3311",
    "cannot open /var/lib/x.db",
    "user ann logged in",
    "cache miss for key 77",
    "starting worker pool",
    "flushed 10 pages in 3 ms",
    "retrying request",
)
LEVELS = ("INFO", "WARN", "INFO", "ERROR", "INFO")
Written = Callable[[str], list[str]]


@pytest.fixture
def messages() -> tuple[str, ...]:
    return MESSAGES


@pytest.fixture
def written(messages: tuple[str, ...]) -> Written:
    """Sixty lines in a layout, with seconds `{s:02d}`, process `{p}`, level `{l}` and message `{m}`."""

    def lines(layout: str) -> list[str]:
        return [
            layout.format(s=i, p=1000 + i % 3, l=LEVELS[i % len(LEVELS)], m=messages[(i * 5 + i // 7) % len(messages)])
            for i in range(60)
        ]

    return lines
