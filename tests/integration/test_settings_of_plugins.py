"""Every setting of filters and plugins does what it says; test_settings.py has the others."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aiops_processor import config
from aiops_processor.errors import PluginError, PluginFault
from aiops_processor.parts import plugging
from aiops_processor.parts.plugging import Plugged
from aiops_processor.telemetry import Metrics
from aiops_processor.testing import NOW, alert, case

pytestmark = pytest.mark.anyio

FRIDAY = datetime(2026, 1, 30, 8, 30, tzinfo=UTC)
HOURS = {"FILTER_BUSINESS_HOURS": "Fri 09:00-10:00", "FILTER_TIME_ZONE": "Europe/Berlin"}
FILE = """
import threading
from aiops_processor.plugins import Options, plugin

FOREVER = threading.Event()

@plugin("filter")
class ByTeam:
    class Options(Options):
        team: str = "shop"

    def __init__(self, options):
        self.team = options.team

    def __call__(self, alert, now):
        return "theirs" if alert.labels.get("team") == self.team else None

@plugin("filter")
def slow_filter(alert, now):
    FOREVER.wait()

@plugin("order")
def slow_order(case):
    FOREVER.wait()
"""

Make = Callable[..., Plugged]


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "mine.py").write_text(FILE)
    return str(tmp_path)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Make:
    """The plugins that are on with these variables."""
    for name in (config.FILE_VARIABLE, *(name for name, _ in config.variables())):
        monkeypatch.delenv(name, raising=False)

    def make(**variables: str) -> Plugged:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        settings = config.load()
        return plugging.plugged(settings, plugging.door(settings), Metrics())

    return make


async def said(found: Plugged, now: datetime = FRIDAY, **labels: str) -> str | None:
    (filtering,) = found.filters
    return await filtering(alert("A", **labels), now)


async def proves_alerts(made: Make, folder: str) -> None:
    assert await said(made(FILTER_ALERTS="B, A")) == "A is on the list of ignored alerts"


async def proves_environments(made: Make, folder: str) -> None:
    assert await said(made(FILTER_ENVIRONMENTS="dev, test"), env="dev") == "environment dev"


async def proves_rules(made: Make, folder: str) -> None:
    rules = json.dumps([{"match": ['team="batch"'], "reason": "nobody's"}])
    assert await said(made(FILTER_RULES=rules), team="batch") == "nobody's"


async def proves_hours(made: Make, folder: str) -> None:
    found = made(**HOURS, FILTER_SEVERITIES="low, info")
    assert await said(found, severity="low") == "severity low in business hours (Fri 09:30 Europe/Berlin)"
    assert await said(found, severity="warning") is None
    assert await said(made(**HOURS | {"FILTER_TIME_ZONE": "UTC"}), severity="low") is None


async def proves_folder(made: Make, folder: str) -> None:
    assert made().orders == ()
    assert [each.name for each in made(PLUGINS_FOLDER=folder).orders] == ["slow_order"]


async def proves_disable(made: Make, folder: str) -> None:
    off = "filter.slow_filter, order.slow_order"
    assert await said(made(PLUGINS_FOLDER=folder, PLUGINS_DISABLE=off), team="shop") == "theirs"


async def proves_enable(made: Make, folder: str) -> None:
    """What it switches on is proven with a package of somebody else: test_third_party_plugin.py."""
    with pytest.raises(PluginError, match=r"PLUGINS_ENABLE: there is no plugin filter\.nobody"):
        made(PLUGINS_ENABLE="filter.nobody")


async def proves_options(made: Make, folder: str) -> None:
    off, options = "filter.slow_filter", json.dumps({"filter.by_team": {"team": "bank"}})
    found = made(PLUGINS_FOLDER=folder, PLUGINS_DISABLE=off, PLUGINS_OPTIONS=options)
    assert [await said(found, team=team) for team in ("shop", "bank")] == [None, "theirs"]


async def proves_seconds(made: Make, folder: str) -> None:
    found = made(PLUGINS_FOLDER=folder, PLUGINS_SECONDS="0.07", PLUGINS_FILTER_SECONDS="0.05")
    with pytest.raises(PluginFault, match=r"slow_order: no answer within 0\.07 s"):
        await found.orders[0](case())
    with pytest.raises(PluginFault, match=r"slow_filter: no answer within 0\.05 s"):
        await found.filters[1](alert(), NOW)


PROOFS: dict[str, Callable[[Make, str], Awaitable[Any]]] = {
    "FILTER_ALERTS": proves_alerts,
    "FILTER_ENVIRONMENTS": proves_environments,
    "FILTER_RULES": proves_rules,
    "FILTER_BUSINESS_HOURS": proves_hours,
    "FILTER_TIME_ZONE": proves_hours,
    "FILTER_SEVERITIES": proves_hours,
    "PLUGINS_FOLDER": proves_folder,
    "PLUGINS_ENABLE": proves_enable,
    "PLUGINS_DISABLE": proves_disable,
    "PLUGINS_OPTIONS": proves_options,
    "PLUGINS_SECONDS": proves_seconds,
    "PLUGINS_FILTER_SECONDS": proves_seconds,
}


def test_every_setting_has_a_proof_and_every_proof_a_setting() -> None:
    assert set(PROOFS) == {name for name, _ in config.variables() if name.startswith(("FILTER_", "PLUGINS_"))}


@pytest.mark.parametrize("proof", list(dict.fromkeys(PROOFS.values())), ids=lambda proof: proof.__name__)
async def test_a_setting_does_what_it_says(
    proof: Callable[[Make, str], Awaitable[Any]], made: Make, folder: str
) -> None:
    await proof(made, folder)
