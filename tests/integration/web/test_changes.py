"""Changes posted to the whole service, and the pages and programs that see them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from aiops_processor.app import create_app
from aiops_processor.config import LogSettings, ServiceSettings, Settings
from aiops_processor.web.examples import CHANGE

pytestmark = pytest.mark.anyio


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(Settings(aiops=ServiceSettings(data_dir=str(tmp_path)), log=LogSettings(level="error")))
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=30) as client:
            yield client


async def test_a_posted_change_is_evidence_of_an_incident_near_it(service: httpx2.AsyncClient) -> None:
    now = datetime.now(UTC)
    change = {**CHANGE, "at": (now - timedelta(seconds=90)).isoformat()}
    assert (await service.post("/webhook/changes", json=change)).json() == {"status": "ok", "stored": 1, "ignored": ""}
    assert (await service.post("/webhook/changes/", json=change)).status_code == 200
    (listed,) = (await service.get("/api/v1/changes")).json()
    assert listed["service"] == "checkout"

    labels = {"alertname": "HighErrorRate", "service": "checkout", "namespace": "shop", "cluster": "europe"}
    alert = {"labels": labels, "startsAt": (now - timedelta(seconds=30)).isoformat()}
    result = (await service.post("/analyze", json=alert)).json()
    assert result["evidence"][0]["id"] == "C1"
    assert "Roll out the new discounts" in result["evidence"][0]["statement"]
    page = (await service.get("/incidents/1")).text
    assert page.count("Roll out the new discounts") >= 2  # among the findings and in the timeline
    assert page.index("<strong>change</strong>") < page.index("<strong>opened</strong>")


async def test_what_is_wrong_is_answered_with_its_field(service: httpx2.AsyncClient) -> None:
    refused = await service.post("/webhook/changes", json=[CHANGE, {"title": "x", "at": "now"}])
    assert (refused.status_code, refused.json()["field"]) == (422, "1.at")
    assert (await service.post("/webhook/changes", content=b"x")).status_code == 400
    assert (await service.post("/webhook/changes", content=b'"' + b"x" * 1024 * 1024 + b'"')).status_code == 413
    assert (await service.get("/api/v1/changes")).json() == []


async def test_a_ping_of_github_is_answered_well(service: httpx2.AsyncClient) -> None:
    answer = await service.post("/webhook/changes", json={"zen": "x"}, headers={"X-GitHub-Event": "ping"})
    assert (answer.status_code, answer.json()["stored"]) == (200, 0)
