"""One question is asked once: while it is under way, and for a while after; errors and partial answers are not kept."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from aiops_processor.clients.cache import SECONDS, Cache, Kind, weight
from aiops_processor.errors import SourceUnavailable
from aiops_processor.models.samples import Answer, Series

pytestmark = pytest.mark.anyio


@dataclass
class HandClock:
    time: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a cache never waits")

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class Source:
    """Answers when it is let, and counts how often it was asked."""

    answer: Answer[list[str]] = field(default_factory=lambda: Answer(["a"]))
    error: Exception | None = None
    asked: int = 0
    given_up: int = 0
    door: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> Answer[list[str]]:
        self.asked += 1
        try:
            await self.door.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if self.error:
            raise self.error
        return self.answer


class Counts(list[tuple[str, str, str]]):
    def __call__(self, source: str, kind: Kind, result: str) -> None:
        self.append((source, kind, result))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def ask(clock: HandClock, counts: Counts, source: Source) -> Callable[..., Awaitable[Answer[list[str]]]]:
    cache = Cache(clock, counts, most_bytes=1000)

    async def ask(question: str = "q", kind: Kind = "labels", name: str = "prometheus") -> Answer[list[str]]:
        return await cache.get(name, kind, question, source)

    return ask


async def test_an_answer_stands_for_its_time(
    ask: Callable[..., Awaitable[Answer[list[str]]]], source: Source, clock: HandClock, counts: Counts
) -> None:
    source.door.set()
    await ask()
    clock.advance(SECONDS["labels"] - 1)
    assert (await ask()).data == ["a"]
    assert source.asked == 1
    clock.advance(1)
    await ask()
    assert source.asked == 2
    assert [result for _, _, result in counts] == ["miss", "hit", "miss"]


async def test_a_clock_that_was_set_back_keeps_nothing_for_ever(
    ask: Callable[..., Awaitable[Answer[list[str]]]], source: Source, clock: HandClock
) -> None:
    source.door.set()
    await ask()
    clock.advance(-3600)
    await ask()
    assert source.asked == 2


async def test_sources_kinds_and_questions_are_told_apart(
    ask: Callable[..., Awaitable[Answer[list[str]]]], source: Source, counts: Counts
) -> None:
    source.door.set()
    for question, kind, name in [
        ("q", "labels", "prometheus"),
        ("r", "labels", "prometheus"),
        ("q", "series", "prometheus"),
        ("q", "labels", "prometheus/europe"),
    ]:
        await ask(question, kind, name)
    assert source.asked == 4
    assert counts[-1] == ("prometheus/europe", "labels", "miss")


async def test_who_asks_meanwhile_gets_the_same_answer(
    ask: Callable[..., Awaitable[Answer[list[str]]]], source: Source, counts: Counts
) -> None:
    waiting = [asyncio.ensure_future(ask()) for _ in range(5)]
    await asyncio.sleep(0)
    source.door.set()
    answers = await asyncio.gather(*waiting)
    assert source.asked == 1
    assert all(answer is answers[0] for answer in answers)
    assert [result for _, _, result in counts] == ["miss", "joined", "joined", "joined", "joined"]


async def test_all_who_wait_get_the_error_and_the_next_one_asks_anew(
    ask: Callable[..., Awaitable[Answer[list[str]]]], source: Source
) -> None:
    source.error = SourceUnavailable("down")
    waiting = [asyncio.ensure_future(ask()) for _ in range(3)]
    await asyncio.sleep(0)
    source.door.set()
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(error) for error in errors] == ["down"] * 3
    source.error = None
    assert (await ask()).data == ["a"]
    assert source.asked == 2


async def test_one_who_gives_up_does_not_disturb_the_others(
    ask: Callable[..., Awaitable[Answer[list[str]]]], source: Source
) -> None:
    first, second = asyncio.ensure_future(ask()), asyncio.ensure_future(ask())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    source.door.set()
    assert (await second).data == ["a"]
    assert first.cancelled()
    assert (source.asked, source.given_up) == (1, 0)


async def test_a_question_that_nobody_waits_for_is_given_up_and_can_be_asked_again(
    ask: Callable[..., Awaitable[Answer[list[str]]]], source: Source
) -> None:
    waiting = [asyncio.ensure_future(ask()) for _ in range(2)]
    await asyncio.sleep(0)
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    again = asyncio.ensure_future(ask())
    await asyncio.sleep(0)
    source.door.set()
    assert (await again).data == ["a"]
    assert (source.asked, source.given_up) == (2, 1)


async def test_an_answer_with_a_warning_is_not_kept(
    ask: Callable[..., Awaitable[Answer[list[str]]]], source: Source
) -> None:
    source.answer = Answer(["a"], ("some of the storage did not answer",))
    source.door.set()
    await ask()
    await ask()
    assert source.asked == 2


async def test_the_least_used_answers_go_where_there_is_no_room(clock: HandClock, counts: Counts) -> None:
    def giving(text: str) -> Callable[[], Awaitable[Answer[list[str]]]]:
        async def give() -> Answer[list[str]]:
            return Answer([text])

        return give

    cache = Cache(clock, counts, most_bytes=3 * weight(["x" * 100]))
    for name in ("a", "b", "c", "a", "d"):
        await cache.get("s", "labels", name, giving("x" * 100))
    assert cache.bytes == 3 * weight(["x" * 100])
    counts.clear()
    for name in ("a", "c", "d", "b"):
        await cache.get("s", "labels", name, giving("x" * 100))
    assert [result for _, _, result in counts] == ["hit", "hit", "hit", "miss"]


async def test_an_answer_that_is_larger_than_all_the_room_is_not_kept(clock: HandClock, counts: Counts) -> None:
    async def give() -> Answer[list[Series]]:
        return Answer([Series({"a": "b"}, [(0.0, 1.0)] * 100)])

    cache = Cache(clock, counts, most_bytes=1000)
    await cache.get("s", "range", "q", give)
    assert cache.bytes == 0


def test_the_weight_of_an_answer_is_about_what_it_takes() -> None:
    points = [(float(i), float(i)) for i in range(1000)]
    assert 100_000 < weight([Series({"a": "b"}, points)]) < 130_000
    assert weight({"a": [1, 2]}) > weight({"a": "b"}) > weight("a")
