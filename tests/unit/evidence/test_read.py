import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from aiops_processor.errors import SourceRefused, SourceUnavailable
from aiops_processor.evidence import read
from aiops_processor.evidence.read import Reader
from aiops_processor.models.evidence import Outcome
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

    assert gap.reason == "t0 (and 2 more questions): refused"


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
