"""Dead letters on the console: the list, one with its body, and what can be done with it."""

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from aiops_processor.errors import NotAWebhook
from aiops_processor.models.webhook_answer import Rejection, WebhookAnswer
from aiops_processor.storage import dead_letters as rows
from aiops_processor.storage.database import Database
from aiops_processor.storage.dead_letters import DeadLetter
from aiops_processor.testing import NOW
from aiops_processor.web import dead_letters

pytestmark = pytest.mark.anyio

HOSTILE = "<script>alert(1)</script>"


class Ingest:
    """Answers as it is told to; keeps what it was given."""

    def __init__(self, answer: WebhookAnswer | NotAWebhook) -> None:
        self.answer = answer
        self.given: list[tuple[bytes, str]] = []

    async def receive(self, body: bytes, source: str) -> WebhookAnswer:
        self.given.append((body, source))
        if isinstance(self.answer, NotAWebhook):
            raise self.answer
        return self.answer


@pytest.fixture
async def service(app: FastAPI, database: Database) -> Any:
    """The service with two dead letters, of which the second came twice."""
    app.include_router(dead_letters.pages)
    first = DeadLetter(source="europe", reason="labels: is missing", body=b'{"first": 1}', at=NOW)
    second = DeadLetter(source="default", reason=f"no {HOSTILE}", body=HOSTILE.encode(), at=NOW)
    async with database.write() as connection:
        await rows.keep(connection, [first, second])
        await rows.keep(connection, [second])
    app.state.service.ingest = Ingest(WebhookAnswer(processed=1))
    return app.state.service


async def left(database: Database) -> list[int]:
    async with database.read() as connection:
        return [each.id for each in await rows.recent(connection, 10)]


@pytest.mark.usefixtures("service")
async def test_they_are_listed_newest_first_with_the_reasons(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/dead-letters")).text
    assert page.index('href="./dead-letters/2"') < page.index('href="./dead-letters/1"')
    assert "labels: is missing" in page
    assert "2 times" in page
    assert HOSTILE not in page
    assert "labels: is missing" not in (await client.get("/dead-letters?before=1")).text


async def test_an_empty_list_says_so(client: httpx2.AsyncClient, app: FastAPI) -> None:
    app.include_router(dead_letters.pages)
    assert "There are no dead letters." in (await client.get("/dead-letters")).text


@pytest.mark.usefixtures("service")
async def test_one_is_shown_with_its_body(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/dead-letters/1")).text
    assert "{&#34;first&#34;: 1}" in page
    assert "From europe, once" in page
    assert HOSTILE not in (await client.get("/dead-letters/2")).text
    assert (await client.get("/dead-letters/9")).status_code == 404


async def test_one_that_is_taken_now_is_gone(client: httpx2.AsyncClient, service: Any, database: Database) -> None:
    answer = await client.post("/dead-letters/1/replay")
    assert (answer.status_code, answer.headers["location"]) == (303, "../../dead-letters")
    assert service.ingest.given == [(b'{"first": 1}', "europe")]
    assert await left(database) == [2]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (NotAWebhook("alerts", "is missing"), "It was not taken: alerts"),
        (
            WebhookAnswer(status="rejected", rejected=(Rejection(index=0, reason="startsAt: is missing"),)),
            "1 of its alerts could not be taken: startsAt: is missing",
        ),
    ],
)
async def test_one_that_is_not_taken_stays_and_says_why(
    client: httpx2.AsyncClient, service: Any, database: Database, answer: Any, said: str
) -> None:
    service.ingest = Ingest(answer)
    page = await client.post("/dead-letters/1/replay")
    assert page.status_code == 422
    assert said in page.text
    assert await left(database) == [2, 1]


@pytest.mark.usefixtures("service")
async def test_one_can_be_dropped(client: httpx2.AsyncClient, database: Database) -> None:
    assert (await client.post("/dead-letters/2/drop")).status_code == 303
    assert await left(database) == [1]
