from datetime import UTC, datetime, timedelta

import pytest

from aiops_processor.models.analysis import Exchange, Spent
from aiops_processor.models.incident import Incident, IncidentState
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import spending
from aiops_processor.storage.database import Database

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def exchange(at: datetime, *, remembered: bool = False) -> Exchange:
    return Exchange(
        at=at, model="m", system="s", question="q\0", estimated_tokens=9, answer="a", input_tokens=70,
        output_tokens=30, cost_usd=0.5, remembered=remembered,
    )  # fmt: skip


async def test_what_was_asked_is_kept_and_summed(database: Database) -> None:
    incident = Incident(
        id=0, title="t", severity="page", state=IncidentState.OPEN, source="default", group_key="g", reason="new",
        opened_at=NOON, updated_at=NOON,
    )  # fmt: skip
    async with database.write() as connection:
        one = (await incident_rows.create(connection, incident, notify=True)).id
        other = (await incident_rows.create(connection, incident, notify=True)).id
        yesterday = NOON - timedelta(days=1)
        await spending.save(connection, one, 1, [exchange(yesterday), exchange(NOON, remembered=True)])
        await spending.save(connection, one, 2, [exchange(NOON)])
        await spending.save(connection, other, 1, [exchange(NOON)])
    async with database.read() as connection:
        assert await spending.of_incident(connection, one) == Spent(calls=2, tokens=200, usd=1.0)
        assert await spending.since(connection, NOON) == Spent(calls=2, tokens=200, usd=1.0)
        assert await spending.of_incident(connection, 999) == Spent()
        assert [each.at for each in await spending.asked(connection, one)] == [yesterday, NOON, NOON]
