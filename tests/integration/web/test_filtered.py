"""Filtered alerts for people and programs: the list with the reasons, and an analysis all the same."""

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from aiops_processor.models.alert import Alert
from aiops_processor.models.incident import Incident, IncidentState
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import filtered as rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage.database import Database
from aiops_processor.testing import NOW, alert
from aiops_processor.web import filtered

pytestmark = pytest.mark.anyio

HOSTILE = "<script>alert(1)</script>"


class Incidents:
    """Opens what is asked for; keeps what that was."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.opened: list[tuple[Alert, bool, str]] = []

    async def open_by_hand(self, alerts: list[Alert], *, notify: bool, reason: str) -> Incident:
        self.opened.append((alerts[0], notify, reason))
        incident = Incident(
            id=0,
            title=alerts[0].name,
            severity="info",
            state=IncidentState.ANALYSING,
            source="manual",
            group_key="",
            reason=reason,
            opened_at=NOW,
            updated_at=NOW,
            manual=True,
        )
        async with self.database.write() as connection:
            return await incident_rows.create(connection, incident, notify=notify)


@pytest.fixture
async def service(app: FastAPI, database: Database) -> Any:
    """The service with two filtered alerts; what is analysed by hand is kept."""
    app.include_router(filtered.router)
    app.include_router(filtered.pages)
    async with database.write() as connection:
        for number, name in enumerate(("First", HOSTILE), 1):
            given = alert(name, service=HOSTILE)
            row = {
                "source": "default", "fingerprint": given.fingerprint, "receiver": "", "group_key": "",
                "starts_at": given.starts_at, "ended_at": None, "first_seen": NOW, "last_seen": NOW, "fired": True,
                "grouped": False, "incident_id": None, "previous_id": None,
                "alert": given.model_dump(mode="json", by_alias=True),
            }  # fmt: skip
            await alert_rows.insert_episodes(connection, [row])
            await rows.leave_out(connection, [number], f"mine: because of {name}")
    made = app.state.service
    made.incidents, made.analysed, made.by_hand = Incidents(database), [], asyncio.Semaphore(1)

    async def analyse(incident_id: int, generation: int) -> None:
        made.analysed.append((incident_id, generation))

    made.analyse = analyse
    return made


async def test_they_are_listed_newest_first_with_the_reasons(client: httpx2.AsyncClient, service: Any) -> None:
    found = (await client.get("/api/v1/filtered")).json()
    assert [(each["id"], each["reason"]) for each in found] == [
        (2, f"mine: because of {HOSTILE}"),
        (1, "mine: because of First"),
    ]
    page = (await client.get("/filtered")).text
    assert "mine: because of First" in page
    assert HOSTILE not in page
    assert "Analyse it all the same" in page
    assert "First" not in (await client.get("/filtered?before=1")).text


async def test_an_empty_list_says_so(client: httpx2.AsyncClient, app: FastAPI) -> None:
    app.include_router(filtered.pages)
    assert "No alert was filtered." in (await client.get("/filtered")).text


async def test_the_form_begins_an_analysis_and_leads_to_its_page(client: httpx2.AsyncClient, service: Any) -> None:
    answer = await client.post("/filtered/1/analyze")
    assert (answer.status_code, answer.headers["location"]) == (303, "../../incidents/1")
    assert service.analysed == [(1, 0)]
    ((given, notify, reason),) = service.incidents.opened
    assert (given.name, notify) == ("First", False)
    assert reason == "asked for by hand; a filter had kept it out: mine: because of First"


async def test_a_program_is_told_when_the_analysis_failed(client: httpx2.AsyncClient, service: Any) -> None:
    answer = await client.post("/api/v1/filtered/1/analyze?notify=true")
    assert (answer.status_code, service.analysed) == (503, [(1, 0)])
    assert "its timeline says why" in answer.text
    assert service.incidents.opened[0][1] is True


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("path", ["/filtered/9/analyze", "/api/v1/filtered/9/analyze"])
async def test_what_was_not_filtered_is_not_found(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.post(path)).status_code == 404


async def test_too_many_at_once_are_refused(client: httpx2.AsyncClient, service: Any) -> None:
    async with service.by_hand:
        assert (await client.post("/filtered/1/analyze")).status_code == 503
    assert isinstance(service, SimpleNamespace)
    assert service.incidents.opened == []
