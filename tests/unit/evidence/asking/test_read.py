import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from aiops_processor.errors import SourceRefused, SourceUnavailable
from aiops_processor.evidence.asking import read
from aiops_processor.evidence.asking.read import Reader
from aiops_processor.models.evidence import Outcome, Read
from aiops_processor.models.samples import Answer, Series

pytestmark = pytest.mark.anyio

Ask = Callable[[], Coroutine[Any, Any, Answer[list[int]]]]


def answering(data: list[int], failure: Exception | None = None) -> Ask:
    async def answer() -> Answer[list[int]]:
        if failure is not None:
            raise failure
        return Answer(data, warnings=("partial answer",))

    return answer


async def test_data_and_empty_are_told_apart() -> None:
    reader = Reader(2, 1)

    full = await reader.ask("prometheus", "t", "q", answering([1]))
    empty = await reader.ask("prometheus", "t", "q", answering([]))

    assert (full.read.outcome, full.data) == (Outcome.DATA, [1])
    assert (empty.read.outcome, empty.data) == (Outcome.EMPTY, [])
    assert full.read.warnings == ("partial answer",)


async def test_empty_is_absent_where_a_metric_is_unknown() -> None:
    empty = await Reader(2, 1).ask("prometheus", "t", "q", answering([]))

    assert read.told_apart(empty, ["nope"], {"up"}).read.outcome is Outcome.ABSENT
    assert read.told_apart(empty, ["up"], {"up"}).read.outcome is Outcome.EMPTY
    assert read.told_apart(empty, ["nope"], None).read.outcome is Outcome.EMPTY


async def test_a_failure_is_a_value_with_the_sources_words() -> None:
    failed = await Reader(2, 1).ask("prometheus", "t", "q", answering([], SourceRefused("too many series")))

    assert (failed.read.outcome, failed.data) == (Outcome.FAILED, None)
    assert failed.read.error == "too many series"


async def test_a_dead_source_is_one_gap_not_many() -> None:
    reader = Reader(2, 1)
    asked = [reader.ask("loki", f"t{n}", "q", answering([], SourceUnavailable("refused"))) for n in range(3)]

    (gap,) = read.gaps_of([each.read for each in await asyncio.gather(*asked)])

    assert gap.reason == "none of 3 questions was answered: refused"


def failed(title: str, error: str, limit: str = "", source: str = "prometheus") -> Read:
    return Read(source=source, title=title, query=title, outcome=Outcome.FAILED, error=error, limit=limit)


def test_of_a_source_that_answers_the_rest_it_is_said_how_much_is_missing() -> None:
    well = Read(source="prometheus", title="names", query="names", outcome=Outcome.EMPTY)
    reads = [failed("a", "500"), failed("b", "500"), failed("c", "too many samples"), well]
    assert [gap.reason for gap in read.gaps_of(reads)] == ["a (and 1 more of 4 questions): 500", "c: too many samples"]
    assert [gap.reason for gap in read.gaps_of([failed("a", "500"), well])] == ["a: 500"]


def test_of_a_source_that_hangs_the_longest_wait_is_told_and_what_else_it_said() -> None:
    slow = [failed("a", "no answer within 2 s", "seconds"), failed("b", "no answer within 10 s", "seconds")]
    (gap,) = read.gaps_of(slow)
    assert (gap.reason, gap.limit) == ("none of 2 questions was answered: no answer within 10 s", "seconds")
    (both,) = read.gaps_of([*slow, failed("c", "503")])
    assert (both.reason, both.limit) == ("none of 3 questions was answered: 503; no answer within 10 s", "")


async def test_a_source_that_hangs_ends_at_the_deadline() -> None:
    async def hang() -> Answer[list[int]]:
        await asyncio.Event().wait()
        raise AssertionError("never")

    reader = Reader(1, 0.02)
    hung, waited = await asyncio.gather(
        reader.ask("prometheus", "t", "q", hang), reader.ask("prometheus", "t", "q", answering([1]))
    )

    assert [hung.read.outcome, waited.read.outcome] == [Outcome.FAILED, Outcome.FAILED]
    assert "0.02 s" in hung.read.error
    assert hung.read.limit == "seconds"


async def test_no_more_questions_run_at_once_than_allowed() -> None:
    running, most = 0, 0

    async def count() -> Answer[list[int]]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(3):
            await asyncio.sleep(0)
        running -= 1
        return Answer([1])

    reader = Reader(2, 1)
    await asyncio.gather(*(reader.ask("prometheus", "t", "q", count) for _ in range(7)))

    assert most == 2


async def test_past_the_limit_of_questions_nothing_more_is_asked() -> None:
    reader = Reader(1, 1, questions=1)

    first = await reader.ask("prometheus", "t", "q", answering([1]))
    second = await reader.ask("prometheus", "t", "q", answering([1]))

    assert (first.read.outcome, second.read.outcome) == (Outcome.DATA, Outcome.FAILED)
    (gap,) = read.gaps_of([first.read, second.read])
    assert (gap.limit, "limit of questions" in gap.reason) == ("questions", True)


async def test_past_the_limit_of_bytes_nothing_more_is_asked() -> None:
    async def answer() -> Answer[list[Series]]:
        return Answer([Series({}, [(1.0, 2.0), (2.0, 2.0)])], octets=500)

    reader = Reader(1, 1, octets=600)
    reads = [(await reader.ask("prometheus", "t", "q", answer)).read for _ in range(3)]

    assert [each.limit for each in reads] == ["", "", "octets"]
    assert (reads[0].series, reads[0].points, reads[0].octets) == (1, 2, 500)
