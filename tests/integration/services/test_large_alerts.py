"""Alerts and storms that are too large to be carried along in full."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from aiops_processor.models.action import ActionOccasion
from aiops_processor.models.incident import IncidentState
from aiops_processor.services.acting.actions import Actions
from aiops_processor.services.analysing import analysis
from aiops_processor.services.receiving.alert_size import MARK
from aiops_processor.services.telling.messages import MOST_ALERTS
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage.tables import deliveries, episodes

pytestmark = pytest.mark.anyio


def alert(name: str, starts_at: str = "2026-01-31T11:59:00Z", **fields: Any) -> dict[str, Any]:
    labels = {"alertname": "A", "instance": name, "service": "checkout"}
    return {"status": "firing", "labels": labels, "startsAt": starts_at, **fields}


async def receive(house: Any, *alerts: dict[str, Any], source: str = "default", **envelope: Any) -> Any:
    body = {"receiver": "aiops", "groupKey": "g", **envelope, "alerts": alerts}
    return await house.ingest.receive(json.dumps(body).encode(), source)


async def test_an_alert_of_megabytes_is_stored_with_what_matters_and_a_mark(house: Any) -> None:
    answer = await receive(house, alert("a"), alert("b", whatever="x" * 5_000_000))
    assert (answer.processed, [warning.index for warning in answer.warnings]) == (2, [1])
    assert "left out: 1 unknown fields" in answer.warnings[0].reason
    async with house.database.read() as connection:
        stored = (await connection.execute(sa.select(episodes.c.alert).order_by(episodes.c.id))).scalars().all()
    assert [MARK in each["annotations"] for each in stored] == [False, True]
    assert len(json.dumps(stored[1])) < 1000


async def test_a_group_key_of_megabytes_costs_no_alert_and_is_not_stored_with_each(house: Any) -> None:
    answer = await receive(house, alert("a"), alert("b"), groupKey="g" * 2_000_000)
    assert answer.processed == 2
    assert [warning.reason.partition(":")[0] for warning in answer.warnings] == ["groupKey"]
    async with house.database.read() as connection:
        sizes = [
            *(await connection.execute(sa.select(sa.func.length(episodes.c.group_key)))).scalars(),
            *(await connection.execute(sa.select(sa.func.length(deliveries.c.group_key)))).scalars(),
        ]
    assert len(sizes) == 3
    assert max(sizes) < 1200


async def test_a_message_about_a_storm_has_some_of_its_alerts_and_says_how_many_others_there_are(house: Any) -> None:
    first = alert("first", "2026-01-31T11:50:00Z")
    storm = [alert(f"h{number}") for number in range(MOST_ALERTS + 50)]
    await receive(house, first, *storm)
    await house.pass_time(2)
    ended = (house.clock.now() + timedelta(seconds=1)).isoformat()
    await receive(house, {**first, "status": "resolved", "endsAt": house.clock.now().isoformat()})
    await receive(house, {**storm[-1], "status": "resolved", "endsAt": ended})
    await house.pass_time(40)
    opened, analysed = [message for message, _ in house.channel.messages]
    for message in (opened, analysed):
        assert len(message.alerts) + message.more_alerts == MOST_ALERTS + 51
        assert MOST_ALERTS - 2 <= len(message.alerts) <= MOST_ALERTS  # the first and the last may be twice among them
        assert message.alerts[0].labels["instance"] == "first"
    acting = await Actions(house.database, house.clock).message(1, ActionOccasion.ANALYSED)
    assert acting is not None
    assert (len(acting.alerts), acting.more_alerts) == (len(analysed.alerts), analysed.more_alerts)
    over = [each.labels["instance"] for each in analysed.alerts if not each.firing]
    assert over == ["first", storm[-1]["labels"]["instance"]]  # the others that are shown fire


async def test_of_a_storm_as_many_alerts_are_looked_at_as_a_report_can_name(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis, "MOST_ALERTS", 5)
    await receive(house, *[alert(f"h{number}") for number in range(9)])
    seen: list[int] = []
    gather = house.analyzer.gather

    async def count(alerts: Any) -> Any:
        seen.append(len(alerts))
        return await gather(alerts)

    house.analyzer.gather = count
    await house.pass_time(40)
    (incident,) = await house.all_incidents()
    assert (incident.state, len(seen)) == (IncidentState.ANALYSED, 1)
    assert 3 <= seen[0] <= 5


async def test_an_incident_of_few_alerts_is_shown_in_full(house: Any) -> None:
    await receive(house, *[alert(f"h{number}") for number in range(5)])
    await house.incidents.group()
    async with house.database.read() as connection:
        all_of_them = await alert_rows.some_of_incident(connection, 1, 5)
        some = await alert_rows.some_of_incident(connection, 1, 4)
    assert (len(all_of_them.episodes), all_of_them.more) == (5, 0)
    assert len(some.episodes) + some.more == 5
    assert some.more


async def test_two_sources_that_say_the_same_are_two_deliveries(house: Any) -> None:
    await receive(house, alert("a"), source="europe")
    await receive(house, alert("a"), truncatedAlerts=5)
    async with house.database.read() as connection:
        assert await alert_rows.receivers(connection, "default") == {"aiops"}
        since = house.clock.now() - timedelta(minutes=1)
        assert await alert_rows.truncated_since(connection, "default", since) == {"aiops"}
        assert await alert_rows.truncated_since(connection, "europe", since) == set()
        assert len((await connection.execute(sa.select(deliveries.c.key))).all()) == 2
