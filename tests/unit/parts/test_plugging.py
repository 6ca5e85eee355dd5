"""Which plugins the settings switch on, and what they are made with."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from pydantic import SecretStr

from aiops_processor import config
from aiops_processor.errors import ModelUnavailable, ModelUnreadable, PluginError
from aiops_processor.parts import explaining, plugging
from aiops_processor.plugins import Answer
from aiops_processor.settings import FilterRule, FilterSettings, ModelSettings, PluginSettings, Settings, SlackSettings
from aiops_processor.telemetry import Metrics
from aiops_processor.testing import NOW, alert

pytestmark = pytest.mark.anyio

METRIC = """
    from prometheus_client import CollectorRegistry, Counter
    from aiops_processor.plugins import plugin

    REGISTRY = CollectorRegistry()
    SEEN = Counter("{name}", "Seen.", registry=REGISTRY)

    @plugin("on_event", name="{plugin}", registry=REGISTRY)
    def listen(event): ...
"""
MODEL = """
    from aiops_processor.plugins import Answer, Options, plugin

    @plugin("model")
    class Parrot:
        class Options(Options):
            word: str = "hello"
            max_tokens: int = 0

        name, prompt_tokens = "parrot", None

        def __init__(self, options):
            self.options = options

        async def ask(self, system, question):
            if question == "raise":
                raise KeyError("hunter2")
            return question if question == "text" else Answer(text=self.options.word, model="parrot")

        async def aclose(self): ...
"""


def put(folder: Path, **files: str) -> PluginSettings:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(dedent(text))
    return PluginSettings(folder=str(folder))


def plugged(settings: Settings) -> plugging.Plugged:
    return plugging.plugged(settings, plugging.door(settings), Metrics())


def test_without_settings_nothing_is_on() -> None:
    assert plugged(Settings()).filters == ()


async def test_the_built_in_filters_are_those_that_settings_name() -> None:
    chosen = FilterSettings(
        alerts="A, B",
        environments="test",
        rules=(FilterRule(match=("x=1",), reason="x"),),
        business_hours="Mon-Sun 00:00-24:00",
        severities="info, low",
    )
    found = plugged(Settings(filter=chosen)).filters
    assert [each.name for each in found] == ["ignore", "environments", "rules", "business_hours"]
    given = (alert("B"), alert(environment="test"), alert(x="1"), alert(severity="low"))
    assert all([await each(asked, NOW) for each, asked in zip(found, given, strict=True)])


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (FilterSettings(business_hours="nine to five"), "filter business_hours: hours: .*are no hours; write"),
        (FilterSettings(business_hours="Mon 09:00-17:00", time_zone="Mars"), "'Mars' is no time zone"),
    ],
)
def test_a_wrong_filter_is_named_with_the_remedy(chosen: FilterSettings, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        plugged(Settings(filter=chosen))


REPLACED = """
    import threading
    from aiops_processor.plugins import Options, plugin

    @plugin("filter", name="ignore")
    class Mine:
        class Options(Options):
            alerts: tuple[str, ...]

        def __init__(self, options):
            self.options = options

        def __call__(self, alert, now):
            return f"{self.options.alerts} in {threading.current_thread().name}"
"""


async def test_what_stands_in_the_place_of_our_filter_is_asked_once_in_a_thread(tmp_path: Path) -> None:
    own = put(tmp_path, mine=REPLACED)
    (found,) = plugged(Settings(plugins=own, filter=FilterSettings(alerts="A"))).filters
    assert await found(alert("A"), NOW) == "('A',) in filter ignore"


def test_our_filters_can_be_switched_off_too() -> None:
    off = PluginSettings(disable="filter.ignore")
    found = plugged(Settings(plugins=off, filter=FilterSettings(alerts="A", environments="test"))).filters
    assert [each.name for each in found] == ["environments"]


def test_what_is_switched_off_is_not_made(tmp_path: Path) -> None:
    own = put(tmp_path, seen=METRIC.format(name="shop_seen", plugin="seen"))
    assert [each.name for each in plugged(Settings(plugins=own)).listeners] == ["seen"]
    off = own.model_copy(update={"disable": "on_event.seen"})
    assert (plugged(Settings(plugins=off)).listeners, plugged(Settings(plugins=off)).registries) == ((), ())


def test_metrics_of_plugins_are_given_out_beside_ours(tmp_path: Path) -> None:
    found = plugged(Settings(plugins=put(tmp_path, seen=METRIC.format(name="shop_seen", plugin="seen"))))
    metrics = Metrics()
    metrics.use(found.registries)
    assert b"\nshop_seen_total 0.0\n" in metrics.exposition()
    assert b"aiops_queue_size" in metrics.exposition()


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("aiops_seen", "b", "the metric aiops_seen begins with aiops_"),
        ("shop_seen", "shop_seen", r"on_event\.two: the metric shop_seen is already one of on_event\.one"),
    ],
)
def test_metrics_that_would_spoil_ours_are_refused(tmp_path: Path, first: str, second: str, said: str) -> None:
    own = put(tmp_path, one=METRIC.format(name=first, plugin="one"), two=METRIC.format(name=second, plugin="two"))
    with pytest.raises(PluginError, match=said):
        plugged(Settings(plugins=own))


async def test_a_channel_with_the_name_of_ours_is_made_where_ours_would_be(tmp_path: Path) -> None:
    own = put(
        tmp_path,
        ours="""
            from aiops_processor.notifiers.slack import SlackNotifier
            from aiops_processor.plugins import plugin

            @plugin("notifier", name="slack")
            class Ours(SlackNotifier): ...
        """,
    )
    settings = Settings(plugins=own, slack=SlackSettings(webhook_url=SecretStr("https://hooks.example/x")))
    made = plugged(settings)
    assert made.notifiers == {}
    assert type(made.door.make("notifier", "slack", {"url": "https://hooks.example/x"})).__name__ == "Ours"


async def test_a_model_of_the_folder_is_asked_with_the_options_that_it_has(tmp_path: Path) -> None:
    own = put(tmp_path, parrot=MODEL).model_copy(update={"options": {"model.parrot": {"word": "polly"}}})
    settings = Settings(plugins=own, llm=ModelSettings(provider="parrot", max_tokens=77))
    lineup = explaining.model(settings)
    assert lineup is not None
    (candidate,) = lineup.candidates
    assert candidate.called == "parrot"
    assert await candidate.model.ask("", "?") == Answer(text="polly", model="parrot")
    with pytest.raises(ModelUnavailable, match=r"^parrot raised KeyError$"):
        await candidate.model.ask("", "raise")
    with pytest.raises(ModelUnreadable, match="answered with str, not Answer"):
        await candidate.model.ask("", "text")


def test_a_provider_that_is_none_is_told_the_known_ones() -> None:
    with pytest.raises(PluginError, match="no model is called 'parrot'; known: anthropic, deepseek"):
        explaining.model(Settings(llm=ModelSettings(provider="parrot")))


def test_the_folder_beside_the_configuration_file_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "aiops.yaml"
    file.write_text("log: {level: info}\n")
    monkeypatch.delenv("PLUGINS_FOLDER", raising=False)
    assert config.load(str(file)).plugins.folder == ""
    (tmp_path / "plugins").mkdir()
    assert config.load(str(file)).plugins.folder == str(tmp_path / "plugins")
    file.write_text("plugins: {folder: /elsewhere}\n")
    assert config.load(str(file)).plugins.folder == "/elsewhere"
    monkeypatch.setenv("PLUGINS_FOLDER", "/from/environment")
    assert config.load(str(file)).plugins.folder == "/from/environment"


def test_prompts_of_the_folder_are_taken_unless_others_are_named(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "extra.yaml").write_text("team: whose it is\n")
    own: dict[str, Any] = {"plugins": PluginSettings(folder=str(tmp_path))}
    assert explaining.prompts(Settings(**own)).extra == {"team": "whose it is"}
    other = tmp_path / "other"
    other.mkdir()
    assert explaining.prompts(Settings(**own, llm=ModelSettings(prompts=str(other)))).extra == {}
