"""Which parts settings make."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from aiops_processor.clients.cached import CachedPrometheus
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.errors import ConfigError, PluginError
from aiops_processor.evidence.choice import Choosing
from aiops_processor.evidence.gather import Gatherer
from aiops_processor.parts import Parts, Sources, endpoint, links
from aiops_processor.parts.closing import kept_on
from aiops_processor.settings import (
    AlertmanagerSettings,
    GrafanaSettings,
    MaxSettings,
    NamedSource,
    Settings,
    SourceSettings,
)
from aiops_processor.telemetry import Metrics

pytestmark = pytest.mark.anyio


class StoppedClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 31, 12, tzinfo=UTC)

    async def sleep(self, seconds: float) -> None: ...


def test_a_source_is_reached_as_its_settings_say() -> None:
    source = SourceSettings(url="http://me:pass@prom:9090/p", tenant="t", timeout=3, headers={"a": "b"})
    made = endpoint(source)
    assert (made.url, made.username, made.tenant, made.timeout_seconds) == ("http://prom:9090/p", "me", "t", 3)
    assert made.headers == {"a": "b"}


async def test_without_settings_there_is_the_log_and_nothing_else() -> None:
    parts = Parts.of(Settings(), StoppedClock(), Metrics())
    assert (parts.model, parts.explainer, list(parts.channels)) == (None, None, ["log"])
    assert parts.sources.probes == {"prometheus": None, "loki": None}
    assert isinstance(parts.gatherer, Gatherer)
    await parts.aclose()


class Noting(AsyncExitStack):
    """What is to be closed by it."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: list[str] = []

    def push_async_callback(self, callback: Any, /, *args: Any, **kwds: Any) -> Any:  # type: ignore[override]
        self.kinds += [type(each).__name__ for each in args]
        return super().push_async_callback(callback, *args, **kwds)


HOOK = {"url": "https://hook.example"}
OWN = """
from aiops_processor.plugins import plugin

@plugin("notifier")
class Own:
    name = "own"

    async def send(self, message, key, previous): ...
    async def aclose(self): print("closed")
"""


@pytest.mark.parametrize(
    ("wrong", "closed"),
    [
        ({"slack": {"webhook_url": "no address"}}, ["LogNotifier"]),
        (
            {"channels": [{"name": "a", "kind": "webhook", "options": HOOK}, {"name": "b", "kind": "no such"}]},
            ["LogNotifier", "WebhookNotifier"],
        ),
        (
            {"actions": [{"name": "a", "kind": "webhook", "options": HOOK}, {"name": "b", "kind": "no such"}]},
            ["LogNotifier", "WebhookAction"],
        ),
        (
            {"actions": [{"name": "a", "kind": "webhook", "options": HOOK}], "routes": [{"channels": ["no such"]}]},
            ["LogNotifier", "WebhookAction"],
        ),
        (
            {"llm": {"provider": "ollama", "model": "qwen3:8b", "fallbacks": "openai:gpt-x"}},
            ["Ollama"],
        ),
    ],
)
async def test_what_was_made_before_a_part_failed_is_closed(
    wrong: dict[str, Any], closed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    given = {"prometheus": {"url": "http://prom:9090"}, "plugins": {"folder": str(tmp_path)}, **wrong}
    async with Noting() as opened:
        with pytest.raises((ConfigError, PluginError)):
            Parts.of(Settings.model_validate(given), StoppedClock(), Metrics(), opened=opened)
    assert opened.kinds == ["Sources", "Aside", *closed]
    assert capsys.readouterr().out == "closed\n"


async def test_one_that_hangs_while_it_is_closed_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clings:
        async def aclose(self) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr("aiops_processor.parts.closing.CLOSE_SECONDS", 0.01)
    with structlog.testing.capture_logs() as logs:
        async with AsyncExitStack() as opened:
            kept_on(opened)(Clings())
    assert [(each["event"], each["part"]) for each in logs] == [("not closed in order", "Clings")]


async def test_the_service_shares_answers_and_a_single_analysis_does_not() -> None:
    settings = Settings(prometheus=SourceSettings(url="http://prom:9090"))
    assert isinstance(Parts.of(settings, StoppedClock(), Metrics()).sources.prometheus, CachedPrometheus)
    assert isinstance(Sources.of(settings).prometheus, Prometheus)


async def test_named_sources_have_clients_and_probes_of_their_own() -> None:
    settings = Settings(
        loki=SourceSettings(url="http://loki:3100"),
        alertmanager=AlertmanagerSettings(url="http://am:9093"),
        sources=(NamedSource(name="europe", match=('cluster="eu"',), prometheus=SourceSettings(url="http://eu:9090")),),
    )
    parts = Parts.of(settings, StoppedClock(), Metrics())
    assert list(parts.sources.probes) == ["prometheus", "loki", "alertmanager", "prometheus/europe"]
    assert isinstance(parts.gatherer, Choosing)
    await parts.aclose()


def test_another_prometheus_is_explored_through_its_own_data_source_in_grafana_or_not_at_all() -> None:
    europe = NamedSource(name="europe", match=("a=b",), prometheus=SourceSettings(url="http://eu:9090"))
    known = europe.model_copy(update={"name": "known", "prometheus_uid": "P7"})
    settings = Settings(grafana=GrafanaSettings(url="http://g", loki_uid="L1"), sources=(europe, known))
    found = [links(settings, each) for each in settings.sources]
    assert [(each.prometheus_uid, each.loki_uid) for each in found] == [("", "L1"), ("P7", "L1")]


@pytest.mark.parametrize(("queries", "gatherings"), [(128, 16), (20, 2), (8, 1), (3, 1)])
def test_so_many_gather_at_once_that_together_they_ask_no_more(queries: int, gatherings: int) -> None:
    settings = Settings(max=MaxSettings(queries=queries))
    assert Parts.of(settings, StoppedClock(), Metrics()).gatherings == gatherings


async def test_each_source_has_its_own_alertmanagers_and_whatever_prometheus_can_tell_what_fires() -> None:
    europe = AlertmanagerSettings(url="http://eu:9093", peers="http://eu-2:9093", receivers="ours", adopt_seconds=5)
    settings = Settings(
        prometheus=SourceSettings(url="http://prom:9090"),
        alertmanager=AlertmanagerSettings(url="http://am:9093"),
        sources=(
            NamedSource(name="europe", match=('cluster="eu"',), alertmanager=europe),
            NamedSource(name="asia", match=('cluster="ap"',), prometheus=SourceSettings(url="http://ap:9090")),
        ),
    )
    parts = Parts.of(settings, StoppedClock(), Metrics())
    watched = {name: (len(each.alertmanagers), each.owns) for name, each in parts.watched.items()}
    assert watched == {"default": (1, True), "europe": (2, False), "asia": (0, True)}
    assert parts.watched["europe"].prometheus is parts.sources.prometheus
    assert parts.watched["asia"].prometheus is not parts.sources.prometheus
    assert parts.watched["europe"].receivers == ("ours",)
    assert parts.watched["europe"].patience.adopt_after.total_seconds() == 5
    assert list(parts.sources.probes)[-3:] == ["prometheus/asia", "alertmanager/europe", "alertmanager/europe/2"]
    await parts.aclose()


def test_an_address_that_is_none_is_named_with_its_place() -> None:
    europe = NamedSource(name="europe", match=("a=b",), loki=SourceSettings(url="eu:3100"))
    with pytest.raises(ConfigError, match=r"^loki\.url of source europe: expected an address"):
        Sources.of(Settings(sources=(europe,)))
