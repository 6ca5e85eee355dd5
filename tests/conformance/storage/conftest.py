"""What is stored, made short."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from aiops_processor.models.alert import Alert
from aiops_processor.models.incident import Incident, IncidentState
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage.database import Connection, Database

NOW = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Database]:
    """The same database as another process sees it."""
    opened = Database(database_url)
    await opened.ping()  # connected, so that the two really meet
    yield opened
    await opened.close()


@pytest.fixture
def make_alert() -> Callable[..., Alert]:
    def make(fingerprint: str = "f1", starts_at: datetime = NOW, **labels: str) -> Alert:
        return Alert(status="firing", labels={"alertname": "A", **labels}, startsAt=starts_at, fingerprint=fingerprint)

    return make


@pytest.fixture
def episode_row() -> Callable[..., dict[str, Any]]:
    def make(alert: Alert, **others: Any) -> dict[str, Any]:
        row = {
            "source": "default",
            "fingerprint": alert.fingerprint,
            "receiver": "aiops",
            "group_key": "g",
            "starts_at": alert.starts_at,
            "ended_at": None,
            "first_seen": NOW,
            "last_seen": NOW,
            "fired": True,
            "grouped": False,
            "incident_id": None,
            "previous_id": None,
            "alert": alert.model_dump(mode="json", by_alias=True),
        }
        return {**row, **others}

    return make


@pytest.fixture
def create_incident() -> Callable[..., Any]:
    async def create(connection: Connection, **others: Any) -> Incident:
        values = {
            "id": 0,
            "title": "A on checkout",
            "severity": "critical",
            "state": IncidentState.OPEN,
            "source": "default",
            "group_key": "g",
            "reason": "a test",
            "opened_at": NOW,
            "updated_at": NOW,
            "due_at": NOW,
        }
        return await incident_rows.create(connection, Incident.model_validate({**values, **others}), notify=True)

    return create
