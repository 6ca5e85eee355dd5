"""Approving on the page and through the API: who may, what is shown, and what another site cannot do."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request

from aiops_processor.models.access import INCLUDED, Caller, Scope
from aiops_processor.models.action import ActionOccasion, ActionRecord
from aiops_processor.models.notification import Message
from aiops_processor.services.acting.actions import Acts, Configured
from aiops_processor.storage import actions as rows
from aiops_processor.storage.database import Database
from aiops_processor.web import actions

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("four_incidents")]

PLAN = "restart <b>checkout</b>"


class Restart:
    def plan(self, message: Message) -> str:
        return PLAN

    async def act(self, message: Message, key: str) -> str | None:
        raise AssertionError("nothing is done here")

    async def aclose(self) -> None: ...


@pytest.fixture
async def people(app: FastAPI, database: Database) -> AsyncIterator[Any]:
    """Asks as the person of this name; incident 1 has an action that waits, and one that can be asked for."""
    app.include_router(actions.router)
    app.include_router(actions.forms)

    @app.middleware("http")
    async def known(request: Request, call_next: Any) -> Any:
        name = request.headers["x-name"]
        request.state.caller = Caller(name=name, scopes=INCLUDED[Scope.RESPOND], form_key="k3y")
        return await call_next(request)

    both = {"dry_run": False, "approvers": ("ada",)}
    known_actions = [
        Configured("restart", Restart(), on=frozenset({ActionOccasion.ANALYSED}), **both),
        Configured("silence", Restart(), **both),
    ]
    app.state.service.actions.use(Acts({each.name: each for each in known_actions}))
    async with database.write() as connection:
        await rows.note(connection, 1, ActionOccasion.ANALYSED, 1)
    await app.state.service.actions.propose()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://aiops") as client:

        async def ask(method: str, path: str, name: str) -> httpx2.Response:
            return await client.request(method, path, headers={"x-name": name})

        yield ask


async def test_the_page_shows_what_would_be_done_and_buttons_to_whom_they_are_for(people: Any) -> None:
    page = (await people("GET", "/incidents/1", "ada")).text
    for part in (
        "Waits for approval",
        "restart &lt;b&gt;checkout&lt;/b&gt;",
        "/actions/restart/approve",
        "/actions/silence/ask",
    ):
        assert part in page
    assert page.count('name="csrf" value="k3y"') >= 3
    others = (await people("GET", "/incidents/1", "bob")).text
    assert "ada may approve it." in others
    assert "/actions/" not in others


async def test_an_approval_on_the_page_leads_back_to_it(people: Any) -> None:
    answer = await people("POST", "/incidents/1/actions/restart/approve", "ada")
    assert (answer.status_code, answer.headers["location"]) == (303, "../../../1")
    page = (await people("GET", "/incidents/1", "ada")).text
    assert "about to begin" in page
    assert "restart: approved by ada" in page
    assert "Waits for approval" not in page


async def test_somebody_else_is_told_who_may(people: Any) -> None:
    for path in ("/incidents/1/actions/restart/approve", "/api/v1/incidents/1/actions/silence/ask"):
        answer = await people("POST", path, "bob")
        assert answer.status_code == 403
        assert "bob may not: ada may" in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("1/actions/restart/approve", 200),
        ("1/actions/restart/decline", 200),
        ("1/actions/silence/ask", 200),
        ("1/actions/silence/approve", 404),
        ("1/actions/nothing/ask", 404),
        ("2/actions/restart/approve", 404),
        ("99/actions/silence/ask", 404),
        ("3/actions/silence/ask", 409),
    ],
)
async def test_the_api_says_what_became_of_it(people: Any, path: str, status: int) -> None:
    answer = await people("POST", f"/api/v1/incidents/{path}", "ada")
    assert answer.status_code == status, answer.text
    if status == 200:
        record = ActionRecord.model_validate(answer.json())
        assert (record.decided_by, record.plan) == ("ada", PLAN)
        assert (await people("POST", f"/api/v1/incidents/{path}", "ada")).status_code == (200 if "ask" in path else 409)
