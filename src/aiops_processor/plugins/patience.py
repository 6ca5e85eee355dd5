"""Waiting for a stranger's code while plugins are loaded: not for ever, or nothing would start or be reloaded."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOAD_SECONDS = 30.0


class TooSlow(Exception):
    """It has not ended in its time. Not TimeoutError: a stranger's code may raise that itself."""


def within(seconds: float, what: str, function: Callable[[], T]) -> T:
    """What the function gives, called in a thread; what it raises is raised. `what` names the thread.

    Raises TooSlow after these seconds. The thread cannot be ended; it is a daemon, and keeps nothing from ending.
    """
    answers, failures = list[T](), list[BaseException]()

    def run() -> None:
        try:
            answers.append(function())
        except BaseException as error:  # noqa: BLE001 - SystemExit too: raised again below, in the thread that waits
            failures.append(error)

    thread = threading.Thread(target=run, name=what, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not answers:
        raise TooSlow(f"{what}: not within {seconds:g} s")
    return answers[0]
