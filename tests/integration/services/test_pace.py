"""One count for all processes that share a database."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from aiops_processor.errors import StorageError
from aiops_processor.llm.pace import Rate
from aiops_processor.services.analysing.pace import SharedPace
from aiops_processor.storage.database import Database

pytestmark = pytest.mark.anyio


async def test_two_processes_together_keep_the_rate(database: Database, database_url: str, clock: Any) -> None:
    other = Database(database_url)
    paces = [SharedPace(database, clock), SharedPace(other, clock)] * 10
    waits = await asyncio.gather(*(pace.admit("deepseek", Rate(requests=7), 10) for pace in paces))
    assert sum(wait == 0 for wait in waits) == 7
    assert {wait for wait in waits if wait} == {60.0}
    assert await paces[0].admit("openai", Rate(requests=7), 10) == 0, "another provider has a rate of its own"
    clock.advance(61)
    assert await paces[1].admit("deepseek", Rate(requests=7), 10) == 0
    await other.close()


async def test_answers_count_as_tokens_and_not_as_requests(database: Database, clock: Any) -> None:
    pace = SharedPace(database, clock)
    assert await pace.admit("deepseek", Rate(requests=2, tokens=100), 40) == 0
    await pace.add("deepseek", 50)
    clock.advance(20)
    assert await pace.admit("deepseek", Rate(requests=2, tokens=100), 20) == 40
    assert await pace.admit("deepseek", Rate(requests=2, tokens=100), 10) == 0


async def test_an_answer_that_cannot_be_counted_is_not_lost_for_that(
    database: Database, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = SharedPace(database, clock)

    def away(*_: object) -> Any:
        raise StorageError("the database is away")

    monkeypatch.setattr(database, "write", away)
    with capture_logs() as log:
        await pace.add("deepseek", 50)
    assert [(line["provider"], line["error"]) for line in log] == [("deepseek", "the database is away")]
