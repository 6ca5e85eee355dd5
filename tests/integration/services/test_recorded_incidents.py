"""Real incidents, as Alertmanager posted them: each fault is one incident, a quiet time none."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aiops_processor.models.incident import IncidentState

pytestmark = pytest.mark.anyio

FAULTS = (
    "baddeploy-checkout",
    "crash-checkout",
    "down-payments",
    "errors-catalog",
    "errors-payments",
    "latency-db",
    "leak-catalog",
    "pool-db",
)


async def replay(house: Any, folder: Path) -> None:
    posts = [json.loads(line) for line in (folder / "webhooks.jsonl").read_text().splitlines()]
    house.clock.time = datetime.fromtimestamp(posts[0]["received_at"], UTC)
    for post in posts:
        await house.pass_time(max(0.0, post["received_at"] - house.clock.now().timestamp()), tick=5)
        await house.ingest.receive(json.dumps(post["body"]).encode(), "default")
    await house.pass_time(75, tick=5)


@pytest.mark.parametrize("name", FAULTS)
async def test_one_fault_is_one_incident(house: Any, shared: Path, name: str) -> None:
    await replay(house, shared / "recordings" / name)
    (incident,) = [each for each in await house.all_incidents() if each.merged_into is None]
    assert incident.state == IncidentState.RESOLVED
    assert house.channel.occasions[0] == "opened"
    assert house.channel.occasions[-1] == "resolved"


@pytest.mark.parametrize("name", ["quiet-1", "quiet-2"])
async def test_a_quiet_time_is_none(house: Any, shared: Path, name: str) -> None:
    await replay(house, shared / "recordings" / name)
    assert await house.all_incidents() == []
    assert house.channel.messages == []
