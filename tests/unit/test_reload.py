"""New settings for new work; what is wrong with them changes nothing."""

import asyncio
import gc
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.errors import ConfigError, PluginError
from aiops_processor.parts import Parts
from aiops_processor.plugins import patience
from aiops_processor.reload import GRACE_SECONDS, Reloading, fixed_changes
from aiops_processor.settings import ApiSettings, ServiceSettings, Settings
from aiops_processor.telemetry import Metrics

pytestmark = pytest.mark.anyio

HANGS = """
import threading
from aiops_processor.plugins import plugin

@plugin("filter")
class Hangs:
    def __init__(self):
        threading.Event().wait()

    def __call__(self, alert, now): ...
"""


@dataclass
class HandClock:
    """Time passes when a test says so."""

    slept: list[float] = field(default_factory=list)
    pass_time: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> datetime:
        return datetime(2026, 1, 31, 12, tzinfo=UTC)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.pass_time.wait()


class Channel:
    """Notes when it is closed."""

    name = "log"

    def __init__(self) -> None:
        self.closed = 0

    async def send(self, message: Any, key: str, previous: Any) -> Any: ...

    async def aclose(self) -> None:
        self.closed += 1


@dataclass
class House:
    """Something to reload: what `read` gives, the parts that were made, and those in use."""

    clock: HandClock
    settings: Settings | Exception = field(default_factory=Settings)
    made: list[Parts] = field(default_factory=list)
    used: list[Parts] = field(default_factory=list)
    fault: Exception | None = None
    half_made: Channel = field(default_factory=Channel)

    def read(self) -> Settings:
        if isinstance(self.settings, Exception):
            raise self.settings
        return self.settings

    def make(self, settings: Settings, opened: AsyncExitStack) -> Parts:
        self.half_made = Channel()
        opened.push_async_callback(self.half_made.aclose)
        if self.fault:
            raise self.fault
        parts = Parts.of(settings, self.clock, Metrics())
        parts.channels["log"] = Channel()
        self.made.append(parts)
        return parts

    def reloading(self) -> Reloading:
        return Reloading(self.make(Settings(), AsyncExitStack()), self.read, self.make, self.used.append, self.clock)

    def closed(self, index: int) -> int:
        channel = self.made[index].channels["log"]
        assert isinstance(channel, Channel)
        return channel.closed


@pytest.fixture
def house() -> House:
    return House(HandClock())


async def test_new_parts_are_used_and_the_old_stay_open_for_their_grace(house: House) -> None:
    reloading = house.reloading()
    assert await reloading.reload()
    assert house.used == [house.made[1]]
    await asyncio.sleep(0)
    assert (house.clock.slept, house.closed(0)) == ([GRACE_SECONDS], 0)
    house.clock.pass_time.set()
    await asyncio.sleep(0.01)
    assert (house.closed(0), house.closed(1)) == (1, 0)
    await reloading.aclose()
    assert (house.closed(0), house.closed(1)) == (1, 1)


@pytest.mark.parametrize("error", [ConfigError("API_PORT: not a number"), PluginError("no model is called 'x'")])
async def test_wrong_settings_are_one_line_and_the_old_ones_stay(house: House, error: Exception) -> None:
    reloading = house.reloading()
    house.settings = error
    with structlog.testing.capture_logs() as logs:
        assert not await reloading.reload()
    assert [(entry["log_level"], entry["error"]) for entry in logs] == [("error", str(error))]
    assert house.used == []
    await reloading.aclose()
    assert house.closed(0) == 1


async def test_what_was_made_before_a_part_failed_is_closed_and_what_is_in_use_is_not(house: House) -> None:
    reloading = house.reloading()
    assert await reloading.reload()
    assert house.half_made.closed == 0
    house.fault = ConfigError("SLACK_WEBHOOK_URL: is no address")
    assert not await reloading.reload()
    assert house.half_made.closed == 1
    await reloading.aclose()


async def test_a_fault_is_logged_and_the_old_ones_stay(house: House) -> None:
    reloading = house.reloading()
    house.settings = KeyError("a fault of a plugin")
    with structlog.testing.capture_logs() as logs:
        assert not await reloading.reload()
    assert [(entry["log_level"], entry["exc_info"]) for entry in logs] == [("error", True)]
    house.settings = Settings()
    assert await reloading.reload()
    await reloading.aclose()


def clients() -> int:
    gc.collect()
    return sum(isinstance(each, Prometheus) for each in gc.get_objects())


async def test_parts_that_were_not_finished_leave_nothing_open(house: House) -> None:
    """A client opens nothing before its first question; what is not used is gone."""
    wrong = {"prometheus": {"url": "http://prometheus"}, "loki": {"url": "http://loki"}, "runbook": {"folder": "/no"}}
    reloading, before = house.reloading(), clients()
    house.settings = Settings.model_validate(wrong)
    for _ in range(20):
        assert not await reloading.reload()
    assert clients() <= before + 1  # the error of the last one may still be known to a thread
    await reloading.aclose()


async def test_what_needs_a_restart_is_named(house: House) -> None:
    reloading = house.reloading()
    house.settings = Settings(api=ApiSettings(port=9000), aiops=ServiceSettings(data_dir="/elsewhere"))
    with structlog.testing.capture_logs() as logs:
        assert await reloading.reload()
    assert logs[0]["settings"] == ["API_PORT", "AIOPS_DATA_DIR"]
    await reloading.aclose()


async def test_all_parts_that_are_open_are_closed_at_the_end(house: House) -> None:
    reloading = house.reloading()
    await reloading.reload()
    await reloading.reload()
    await reloading.aclose()
    assert [house.closed(index) for index in range(3)] == [1, 1, 1]


async def test_two_reloads_at_once_are_done_one_after_the_other(house: House) -> None:
    reloading = house.reloading()
    assert await asyncio.gather(reloading.reload(), reloading.reload()) == [True, True]
    assert house.used == house.made[1:]
    await reloading.aclose()


def test_equal_settings_have_no_fixed_changes() -> None:
    assert fixed_changes(Settings(), Settings()) == []


async def test_a_plugin_whose_making_hangs_is_named_and_the_old_ones_stay(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reloading = house.reloading()
    (tmp_path / "hangs.py").write_text(HANGS)
    monkeypatch.setattr(patience, "LOAD_SECONDS", 0.2)
    house.settings = Settings.model_validate({"plugins": {"folder": str(tmp_path)}})
    with structlog.testing.capture_logs() as logs:
        assert not await reloading.reload()
    assert "within 0.2 s" in logs[0]["error"]
    assert house.used == []
    house.settings = Settings()
    assert await reloading.reload(), "the next one does not wait for it"
    await reloading.aclose()
