"""Every answer to a post of alerts is counted, whoever gave it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from aiops_processor.app import create_app
from aiops_processor.clock import SystemClock
from aiops_processor.errors import StorageBusy
from aiops_processor.parts.plugging import Named
from aiops_processor.services.receiving.ingest import Ingest
from aiops_processor.settings import ApiSettings, LogSettings, ServiceSettings, Settings
from aiops_processor.storage.database import Database
from aiops_processor.web import webhook
from aiops_processor.web.access import Doors

pytestmark = pytest.mark.anyio

WEBHOOK = {"alerts": [{"status": "firing", "labels": {"alertname": "A"}, "startsAt": "2026-01-31T12:00:00Z"}]}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[FastAPI]:
    settings = Settings(
        aiops=ServiceSettings(data_dir=str(tmp_path)),
        api=ApiSettings(trust_loopback=True),
        log=LogSettings(level="error"),
    )
    made = create_app(settings)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
def post(app: FastAPI) -> Callable[..., Any]:
    async def post(path: str = "/webhook/alerts", host: str = "127.0.0.1", **sent: Any) -> int:
        transport = httpx2.ASGITransport(app, client=(host, 1), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return (await client.post(path, **(sent or {"json": WEBHOOK}))).status_code

    return post


def counted(app: FastAPI) -> dict[str, float]:
    (metric,) = app.state.service.metrics.webhooks.collect()
    return {each.labels["status"]: each.value for each in metric.samples if each.name.endswith("_total")}


async def test_what_we_take_and_what_we_refuse_ourselves(app: FastAPI, post: Callable[..., Any]) -> None:
    assert [await post(), await post("/webhook/alerts/"), await post(content=b"no"), await post(json={})] == [
        200,
        200,
        400,
        422,
    ]
    assert await post(host="198.51.100.7") == 403, "whoever is let in by nobody"
    assert counted(app) == {"200": 2, "400": 1, "422": 1, "403": 1}
    assert await post("/webhook/changes", json={}) == 422
    assert sum(counted(app).values()) == 5, "other posts are not"


class BrokenStore:
    """What is asked of it fails."""

    def read(self) -> AbstractAsyncContextManager[Any]:
        raise StorageBusy("the disk is full")

    write = read


async def test_a_large_body_whose_letter_cannot_be_kept_is_a_503(
    app: FastAPI, post: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise StorageBusy("the disk is full")

    monkeypatch.setattr(Ingest, "keep_letter", full)
    assert await post(content=b"{}", headers={"content-length": str(10**9)}) == 503
    assert counted(app) == {"503": 1}


async def test_a_store_that_cannot_say_who_may_is_a_503(app: FastAPI, post: Callable[..., Any]) -> None:
    app.state.doors = Doors.of(cast("Database", BrokenStore()), SystemClock())
    assert await post(headers={"authorization": f"Bearer aiops_{'a' * 43}"}, json=WEBHOOK) == 503
    assert counted(app) == {"503": 1}


async def test_what_is_stored_is_answered_200_though_nobody_knows_how_much_waits(
    app: FastAPI, post: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown(_: Any) -> int:
        raise StorageBusy("the database did not answer")

    monkeypatch.setattr(webhook, "count_waiting", unknown)
    assert await post() == 200
    assert counted(app) == {"200": 1}


async def test_what_a_plugin_refuses_or_breaks(app: FastAPI, post: Callable[..., Any]) -> None:
    def broken(inner: ASGIApp) -> ASGIApp:
        async def around(scope: Scope, receive: Receive, send: Send) -> None:
            raise KeyError("a fault")

        return around

    app.state.own.use((), (Named("broken", broken),), 5, app.state)
    assert await post() == 503
    assert counted(app) == {"503": 1}


async def test_a_fault_of_ours_is_a_500(
    app: FastAPI, post: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fault(*_: Any) -> None:
        raise KeyError("a fault")

    monkeypatch.setattr(Ingest, "receive", fault)
    assert await post() == 500
    assert counted(app) == {"500": 1}


async def test_a_sender_that_breaks_off_has_no_answer_and_is_no_fault_of_ours(app: FastAPI) -> None:
    came = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> dict[str, Any]:
        return next(came)

    async def send(message: Any) -> None:
        pytest.fail(f"nobody is there any more: {message}")

    scope = {"type": "http", "method": "POST", "path": "/webhook/alerts", "query_string": b"", "scheme": "http"}
    scope |= {"headers": [], "client": ("127.0.0.1", 1), "http_version": "1.1", "state": {}}
    await app(scope, receive, send)
    assert counted(app) == {"none": 1}
