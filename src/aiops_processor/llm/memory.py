"""Answers that were paid for once: the same question to the same model is not asked again for a while."""

import asyncio
import hashlib
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Protocol

from aiops_processor.plugins import Answer

KEPT = timedelta(hours=1)
MOST = 200


class Journal(Protocol):
    """Where the answers of one analysis are written down as they come, for a process that is killed on the way."""

    def left(self, key: str) -> Answer | None:
        """What a process that was killed had paid for; given once, for each answer counts once."""
        ...

    async def keep(self, key: str, answer: Answer) -> None:
        """Write it down. A store that is away is no error: the answer is at hand."""
        ...


class NoJournal:
    """For an analysis that nothing goes on with after a kill."""

    def left(self, key: str) -> Answer | None:  # noqa: ARG002 - the protocol's
        return None

    async def keep(self, key: str, answer: Answer) -> None:
        """Nothing is kept."""


class Memory:
    """The last answers by what was asked. Who asks what is being asked waits for that answer."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[datetime, Answer]] = OrderedDict()
        self._asking: dict[str, asyncio.Lock] = {}

    def asking(self, key: str) -> asyncio.Lock:
        """To be held while `key` is looked up, asked and kept."""
        return self._asking.setdefault(key, asyncio.Lock())

    def find(self, key: str, now: datetime) -> Answer | None:
        at, answer = self._answers.get(key, (None, None))
        return answer if at is not None and now - at < KEPT else None

    def keep(self, key: str, answer: Answer, now: datetime) -> None:
        self._answers[key] = (now, answer)
        self._answers.move_to_end(key)
        while len(self._answers) > MOST:
            old, _ = self._answers.popitem(last=False)
            self._asking.pop(old, None)


def key_of(model: str, system: str, question: str) -> str:
    """What makes two questions the same."""
    return hashlib.sha256("\0".join((model, system, question)).encode("utf-8", "replace")).hexdigest()
