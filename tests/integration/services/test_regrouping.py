"""Stored alerts grouped once more: as they are, and as they would be with other rules."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aiops_processor.query import matchers
from aiops_processor.services.grouping.joining import Rules
from aiops_processor.services.grouping.own_rules import OwnRule
from aiops_processor.services.grouping.policy import Policy
from aiops_processor.services.grouping.regrouping import regroup
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage.address import as_text

pytestmark = pytest.mark.anyio

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def post(house: Any, name: str, starts: str, status: str = "firing", group: str = "", **labels: str) -> None:
    ended = house.clock.now().isoformat() if status == "resolved" else None
    alert = {"status": status, "labels": {"alertname": name, **labels}, "startsAt": starts, "endsAt": ended}
    await house.ingest.receive(json.dumps({"groupKey": group or name, "alerts": [alert]}).encode(), "default")
    await house.pass_time(5)


async def tell_a_story(house: Any) -> None:
    """Neighbours that become one, a stranger, one that ends and comes back, two that a third one ties together."""
    await post(house, "Db", "2026-01-31T11:59:00Z", namespace="shop", service="db")
    await post(house, "Api", "2026-01-31T11:59:30Z", namespace="shop", service="api")
    await post(house, "Mail", "2026-01-31T11:59:40Z", namespace="office", service="mail")
    await post(house, "Mail", "2026-01-31T11:59:40Z", status="resolved", namespace="office", service="mail")
    await post(house, "Mail", "2026-01-31T12:00:10Z", namespace="office", service="mail")
    await post(house, "One", "2026-01-31T12:00:05Z", group="one", service="one")
    await post(house, "Two", "2026-01-31T12:00:05Z", group="two", service="two")
    await post(house, "Bridge", "2026-01-31T12:00:10Z", group="two", service="one")
    house.clock.advance(3 * 3600)
    await post(house, "Db", "2026-01-31T15:00:00Z", group="stock", namespace="warehouse", service="stock")


def replay(*options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aiops_processor", "groups", "replay", *options]
    environment = {"PATH": os.environ["PATH"], **settings}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


async def stored(house: Any) -> Any:
    async with house.database.read() as connection:
        return await alert_rows.grouped_since(connection, LONG_AGO)


async def test_with_the_rules_in_force_nothing_is_different(house: Any) -> None:
    await tell_a_story(house)
    found = regroup(await stored(house), Policy())
    assert (found.incidents, found.would_be, found.joined, found.split) == (4, 4, (), ())
    assert found.alerts == 8


async def test_narrower_rules_split_and_own_rules_join(house: Any) -> None:
    await tell_a_story(house)
    episodes = await stored(house)
    narrow = regroup(episodes, Policy(Rules(neighbour_seconds=5)))
    assert [(each.incident, sorted(each.titles)) for each in narrow.split] == [(1, ["Api on api", "Db on db"])]
    rule = OwnRule("all", matchers.parse_all(['service=~"mail|db"']), (), 300)
    joined = regroup(episodes, Policy(own=(rule,)))
    (one,) = joined.joined
    assert one.incidents == (1, 2)
    assert "rule all, begun 40 s apart" in one.reasons
    assert (joined.incidents, joined.would_be) == (4, 3)


async def test_what_was_asked_for_by_hand_is_left_out(house: Any) -> None:
    await post(house, "A", "2026-01-31T11:59:00Z")
    (episode,) = await stored(house)
    await house.incidents.open_by_hand([episode.alert], notify=True)
    assert await stored(house) == [episode]


async def test_the_command_prints_the_difference_and_changes_nothing(
    house: Any, tmp_path: Path, database_url: str
) -> None:
    await tell_a_story(house)
    before = await stored(house)
    where = (
        {"AIOPS_DATA_DIR": str(tmp_path)}
        if database_url.startswith("sqlite")
        else {"DATABASE_URL": as_text(house.database.url)}
    )
    ran = await asyncio.to_thread(replay, "--neighbour-seconds", "5", "--days", "36500", HOME=str(tmp_path), **where)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "8 alerts in 4 incidents; with these rules in 5",
        "- 1 would be 2: Db on db; Api on api",
    ]
    assert await stored(house) == before


def test_a_folder_without_a_database_is_named(tmp_path: Path) -> None:
    ran = replay(HOME=str(tmp_path), AIOPS_DATA_DIR=str(tmp_path / "none"))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "holds no database; name the folder of the service" in ran.stderr
    assert not (tmp_path / "none").exists()
