"""What strangers can have uvicorn write into the log is written now and then: their requests must not fill a disk."""

import logging
import time
from collections.abc import Callable

QUIET_SECONDS = 10.0


class Seldom(logging.Filter):
    """Of warnings with the same words one in ten seconds is let through. What is worse than a warning always is."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._ticks = ticks
        self._again: dict[object, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is written. The words are uvicorn's own constants, so there are few."""
        now = self._ticks()
        if record.levelno > logging.WARNING:
            return True
        if now < self._again.get(record.msg, float("-inf")):
            return False
        self._again[record.msg] = now + QUIET_SECONDS
        return True
