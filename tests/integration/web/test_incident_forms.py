"""The forms of an incident's page, as a browser without JavaScript sends them."""

import httpx2
import pytest
from fastapi import FastAPI

from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import past as past_rows
from aiops_processor.storage.database import Database
from aiops_processor.web.console import incident_forms

pytestmark = pytest.mark.anyio

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def send(app: FastAPI, path: str, body: str = "") -> httpx2.Response:
    app.include_router(incident_forms.router)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
        return await client.post(path, content=body, headers=FORM)


@pytest.mark.usefixtures("four_incidents")
async def test_feedback_is_kept_and_leads_back_to_the_page(app: FastAPI, database: Database) -> None:
    answer = await send(app, "/incidents/1/feedback", "said=wrong&cause=a+full+%3Cdisk%3E&by=ada")
    assert (answer.status_code, answer.headers["location"]) == (303, "../1")
    async with database.read() as connection:
        (given,) = await past_rows.given(connection, 1)
        history = [entry.text for entry in await incident_rows.history(connection, 1)]
    assert (given.said, given.cause, given.by) == ("wrong", "a full <disk>", "ada")
    assert "the analysis was called wrong by ada; the true cause: a full <disk>" in history


@pytest.mark.usefixtures("four_incidents")
async def test_an_incident_is_acknowledged_and_that_is_withdrawn(app: FastAPI, database: Database) -> None:
    await send(app, "/incidents/1/acknowledge", "by=ada")
    async with database.read() as connection:
        found = await incident_rows.get(connection, 1)
    assert found
    assert found.acknowledged_by == "ada"
    await send(app, "/incidents/1/withdraw")
    async with database.read() as connection:
        found = await incident_rows.get(connection, 1)
    assert found
    assert found.acknowledged_at is None


@pytest.mark.usefixtures("four_incidents")
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/incidents/99/feedback", "said=right", 404),
        ("/incidents/1/feedback", "said=maybe", 422),
        ("/incidents/1/feedback", "cause=no+verdict", 422),
        ("/incidents/1/feedback", "said=right&id=7", 422),
        ("/incidents/1/feedback", "said=right&cause=" + "x" * 20_000, 413),
        ("/incidents/1/feedback", "&".join(f"a{number}=1" for number in range(50)), 422),
    ],
)
async def test_a_form_that_cannot_be_taken_is_told_why_on_a_page(
    app: FastAPI, path: str, body: str, status: int
) -> None:
    answer = await send(app, path, body)
    assert answer.status_code == status
    assert "<h1>" in answer.text
