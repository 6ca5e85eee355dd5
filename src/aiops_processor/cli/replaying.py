"""A recording played into a whole service in this process: for `aiops demo` and `aiops eval`."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
from fastapi import FastAPI

from aiops_processor.app import create_app
from aiops_processor.clock import Clock
from aiops_processor.demo.replay import Urls
from aiops_processor.errors import AiopsError
from aiops_processor.models.incident import Incident
from aiops_processor.settings import ApiSettings, LogSettings, ServiceSettings, Settings, SourceSettings
from aiops_processor.web.api import IncidentDetail, QueueStatus

MODEL_SECTIONS = ("llm", "deepseek", "openai", "anthropic", "ollama", "redact", "runbook")
MOST_INCIDENTS = 200  # what one page of the API gives; a recording has a few


class ReplayFailed(AiopsError):
    """A recording could not be played to its end."""


class Player:
    """The service's own endpoints, as a replay uses them."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        """A webhook, as it was received. Raises ReplayFailed where the service does not take it."""
        answer = await self._client.post("/webhook/alerts", content=body, headers=dict(headers))
        if answer.status_code != 200:
            raise ReplayFailed(f"the service answered {answer.status_code} to a webhook: {answer.text[:300]}")

    async def queue(self) -> QueueStatus:
        return QueueStatus.model_validate_json((await self._client.get("/queue/status")).content)

    async def incidents(self) -> list[Incident]:
        """Oldest first."""
        answer = await self._client.get("/api/v1/incidents", params={"limit": MOST_INCIDENTS})
        return [Incident.model_validate(each) for each in reversed(answer.json())]

    async def detail(self, incident_id: int) -> IncidentDetail:
        answer = await self._client.get(f"/api/v1/incidents/{incident_id}")
        return IncidentDetail.model_validate_json(answer.content)


def replay_settings(urls: Urls, folder: str, model: Settings | None = None) -> Settings:
    """Made by hand: a replay does not touch what the environment configures.

    Only where its `model` is wanted are that, its key and what is hidden from it taken over.
    """
    asked = {name: getattr(model, name) for name in MODEL_SECTIONS} if model else {}
    return Settings(
        **asked,
        prometheus=SourceSettings(url=urls.prometheus),
        loki=SourceSettings(url=urls.loki),
        aiops=ServiceSettings(data_dir=folder),
        api=ApiSettings(),
        log=LogSettings(level="error"),
    )


@contextlib.asynccontextmanager
async def started(settings: Settings, clock: Clock) -> AsyncIterator[FastAPI]:
    """The service in this event loop, at work until the block ends."""
    app = create_app(settings, clock)
    async with app.router.lifespan_context(app):
        yield app


@contextlib.asynccontextmanager
async def player(**client: Any) -> AsyncIterator[Player]:
    """Whoever plays into a service: by `base_url`, or by the `transport` of one in this process."""
    async with httpx2.AsyncClient(timeout=30, **client) as opened:
        yield Player(opened)
