"""Answers that are kept across incidents, so that a storm asks each question once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar, cast

import msgspec

from aiops_processor.clock import Clock
from aiops_processor.models.samples import Answer, Series

T = TypeVar("T")
Kind = Literal["rules", "metadata", "labels", "series", "range"]
Result = Literal["hit", "miss", "joined"]
Count = Callable[[str, Kind, Result], None]
"""Told of each question: its source, its kind, and whether the answer was kept, asked for, or under way already."""

SECONDS: Mapping[Kind, float] = {"rules": 60, "metadata": 600, "labels": 60, "series": 30, "range": 60}
"""How long an answer stands for the next. Short where a new pod or a late sample would be missed, which is evidence."""
MOST_BYTES = 64 * 1024 * 1024

_OBJECT = 56  # bytes of an object besides its content, as CPython has it on 64 bits
_POINT = 112  # a tuple of two floats and its place in a list


@dataclass(frozen=True)
class _Kept:
    answer: Answer[Any]
    at: datetime
    weight: int


@dataclass
class _Flight:
    """One request under way, and how many wait for it."""

    task: asyncio.Task[Answer[Any]]
    waiting: int = 0


class Cache:
    """Keeps answers for a while: each kind for its time, all together under `most_bytes`, the least used go first.

    A question that is under way is not asked again: all who ask get its answer, or its error. Errors are not kept,
    nor are answers with warnings, for they may be partial. One who is cancelled does not disturb the others; the
    request is given up when nobody waits any more. Answers are shared: whoever gets one must not change it.
    """

    def __init__(
        self,
        clock: Clock,
        count: Count,
        most_bytes: int = MOST_BYTES,
        seconds: Mapping[Kind, float] = SECONDS,
    ) -> None:
        self._clock = clock
        self._count = count
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._flights: dict[Hashable, _Flight] = {}
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """What the kept answers weigh, estimated."""
        return self._bytes

    async def get(
        self, source: str, kind: Kind, question: Hashable, ask: Callable[[], Awaitable[Answer[T]]]
    ) -> Answer[T]:
        """The kept answer, else what `ask` gives. `question` tells this one from all others of its source and kind."""
        key = (source, kind, question)
        kept = self._fresh(key, kind)
        if kept is not None:
            self._count(source, kind, "hit")
            return cast("Answer[T]", kept.answer)
        flight = self._flights.get(key)
        self._count(source, kind, "miss" if flight is None else "joined")
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.create_task(self._fly(key, ask)))
        return cast("Answer[T]", await self._landed(key, flight))

    def _fresh(self, key: Hashable, kind: Kind) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        # A clock that was set back must not keep an answer for ever.
        if timedelta(0) <= self._clock.now() - kept.at < timedelta(seconds=self._seconds[kind]):
            self._kept.move_to_end(key)
            return kept
        self._drop(key)
        return None

    async def _landed(self, key: Hashable, flight: _Flight) -> Answer[Any]:
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._end(key, flight.task)
                flight.task.cancel()

    async def _fly(self, key: Hashable, ask: Callable[[], Awaitable[Answer[Any]]]) -> Answer[Any]:
        asked_at = self._clock.now()
        try:
            answer = await ask()
        finally:
            self._end(key, asyncio.current_task())
        if not answer.warnings:
            self._keep(key, _Kept(answer, asked_at, weight(answer.data)))
        return answer

    def _end(self, key: Hashable, task: asyncio.Task[Any] | None) -> None:
        """The next one asks anew; but one that was given up must not take its successor's place away."""
        flight = self._flights.get(key)
        if flight is not None and flight.task is task:
            del self._flights[key]

    def _keep(self, key: Hashable, kept: _Kept) -> None:
        if key in self._kept:
            self._drop(key)
        self._kept[key] = kept
        self._bytes += kept.weight
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        self._bytes -= self._kept.pop(key).weight


def weight(value: object) -> int:
    """About how many bytes of memory a value takes; points are counted, not looked at."""
    match value:
        case str():
            content = len(value)
        case Series():
            content = weight(value.labels) + _POINT * len(value.points)
        case dict() if all(type(each) is str for each in value.values()):
            content = sum(map(len, value)) + sum(map(len, value.values())) + 2 * _OBJECT * len(value)
        case dict():
            content = sum(weight(key) + weight(each) for key, each in value.items())
        case list() | tuple():
            content = sum(map(weight, value))
        case msgspec.Struct():
            content = sum(weight(getattr(value, name)) for name in value.__struct_fields__)
        case _:
            content = 0
    return _OBJECT + content
