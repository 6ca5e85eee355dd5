"""Changes posted to the whole service, and the pages and programs that see them."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from aiops_processor.app import create_app
from aiops_processor.settings import ApiSettings, ChangesSettings, LogSettings, ServiceSettings, Settings
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


ELSEWHERE = {"X-Forwarded-For": "192.0.2.7"}
BODY = json.dumps(CHANGE).encode()


def signature(secret: str = "s3cret", body: bytes = BODY) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A service with a token and a secret, asked from another machine."""
    app = create_app(
        Settings(
            aiops=ServiceSettings(data_dir=str(tmp_path)),
            log=LogSettings(level="error"),
            api=ApiSettings(token=SecretStr("t0ken")),
            changes=ChangesSettings(secret=SecretStr("s3cret")),
        )
    )
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", timeout=30, headers=ELSEWHERE
        ) as client:
            yield client


async def test_a_signed_change_needs_no_token(guarded: httpx2.AsyncClient) -> None:
    for name, path in (("X-Signature-256", "/webhook/changes"), ("X-Hub-Signature-256", "/webhook/changes/")):
        answer = await guarded.post(path, content=BODY, headers={name: signature()})
        assert (answer.status_code, answer.json()["stored"]) == (200, 1)
    listed = await guarded.get("/api/v1/changes", headers={"Authorization": "Bearer t0ken"})
    assert len(listed.json()) == 1, "the same change, told twice"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Signature-256": signature("another")},
        {"X-Hub-Signature-256": signature(body=BODY + b" ")},
        {"X-Signature-256": signature("another"), "Authorization": "Bearer t0ken"},
        {"X-Signature-256": signature(), "Authorization": "Bearer wrong"},
        {"X-GitHub-Event": "push"},
    ],
)
async def test_a_change_that_proves_nothing_is_refused_and_not_stored(
    guarded: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    assert (await guarded.post("/webhook/changes", content=BODY, headers=headers)).status_code == 401
    listed = await guarded.get("/api/v1/changes", headers={"Authorization": "Bearer t0ken"})
    assert listed.json() == []


async def test_a_signature_opens_nothing_else(guarded: httpx2.AsyncClient) -> None:
    signed = {"X-Signature-256": signature()}
    for path in ("/webhook/alerts", "/analyze"):
        assert (await guarded.post(path, content=BODY, headers=signed)).status_code == 401
    assert (await guarded.get("/api/v1/changes", headers=signed)).status_code == 401


async def test_without_a_secret_a_signature_is_no_proof(service: httpx2.AsyncClient) -> None:
    headers = {**ELSEWHERE, "X-Signature-256": signature()}
    assert (await service.post("/webhook/changes", content=BODY, headers=headers)).status_code == 403
