"""From settings to actions: nothing happens by default, and nothing that nobody could stop."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from aiops_processor.cli.check import action_problems
from aiops_processor.clients.outbound import Outbound
from aiops_processor.clock import SystemClock
from aiops_processor.errors import ConfigError, PluginError
from aiops_processor.parts.acting import acts, slack_sockets
from aiops_processor.plugins import Door
from aiops_processor.settings import ActionSettings, AlertmanagerSettings, ServiceSettings, Settings

JIRA = {"url": "https://j.example", "project": "OPS"}


def made(outbound: Outbound | None = None, **others: Any) -> Any:
    settings = {"name": "x", "kind": "jira", "options": JIRA, **others}
    (found,) = acts(_settings(**settings), outbound or Outbound(), None, Door()).configured.values()
    return found


def _settings(**action: Any) -> Settings:
    return Settings(actions=(ActionSettings(**action),))


def test_by_default_an_action_only_says_what_it_would_do() -> None:
    assert made().dry_run
    assert {str(each) for each in made().on} == {"analysed"}


def test_what_changes_a_system_needs_approval_and_a_ticket_does_not() -> None:
    assert not made().approval
    assert made(approval=True).approval
    assert made(kind="webhook", options={"url": "https://w.example"}).approval


@pytest.mark.parametrize("others", [{"kind": "webhook"}, {"approval": True}, {"on": []}])
def test_what_nobody_could_let_happen_is_refused_at_once(others: dict[str, Any]) -> None:
    options = {"url": "https://w.example"} if others.get("kind") else JIRA
    with pytest.raises(ConfigError, match="action x: nobody could let it happen; name `approvers`"):
        made(dry_run=False, options=options, **others)
    assert made(dry_run=False, options=options, approvers=["ada"], **others).approvers == ("ada",)


def test_a_secret_may_stand_in_a_file_and_shows_nowhere(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    file = str(tmp_path / "token")
    settings = _settings(name="x", kind="jira", options={**JIRA, "token_file": file, "ca_file": ""})
    assert acts(settings, Outbound(), None, Door()).configured
    assert "s3cret" not in repr(settings)
    with pytest.raises(ConfigError, match=r"action x: token_file: .* cannot be read"):
        acts(_settings(name="x", kind="jira", options={**JIRA, "token_file": f"{file}x"}), Outbound(), None, Door())


def test_wrong_options_are_named_and_their_values_are_not() -> None:
    with pytest.raises(PluginError, match=r"action jira: projekt is not known .*known options: url") as caught:
        made(options={**JIRA, "projekt": "s3cret"})
    assert "s3cret" not in str(caught.value)
    with pytest.raises(PluginError, match="no action is called 'jiri'; known: github, gitlab, jira"):
        made(kind="jiri")
    with pytest.raises(PluginError, match="expected http:// or https:// and a host"):
        made(options={**JIRA, "url": "j.example"})


@pytest.mark.parametrize("kind", ["jira", "github"])
def test_where_there_is_a_list_of_hosts_actions_are_on_it(kind: str) -> None:
    options = JIRA if kind == "jira" else {"repository": "a/b"}
    with pytest.raises(ConfigError, match=r"action x: .* is not in OUTBOUND_ALLOW"):
        made(Outbound(("hooks.example",)), kind=kind, options=options)
    assert made(Outbound(("j.example", "api.github.com")), kind=kind, options=options)


def test_a_silence_goes_to_the_alertmanager_of_the_settings_with_its_credentials() -> None:
    alertmanager = AlertmanagerSettings(url="http://am:9093/p", token=SecretStr("t"), tenant="shop")
    given = Settings(actions=(ActionSettings(name="s", kind="silence"),), alertmanager=alertmanager)
    assert acts(given, Outbound(), None, Door()).configured["s"].dry_run
    with pytest.raises(PluginError, match="action silence: url: is missing"):
        made(kind="silence", options={})


def test_check_says_how_each_action_comes_to_happen(capsys: pytest.CaptureFixture[str]) -> None:
    silent = {"kind": "jira", "options": JIRA, "dry_run": False}
    actions = (
        ActionSettings(name="dry", kind="jira", options=JIRA),
        ActionSettings(name="alone", **silent),
        ActionSettings(name="careful", approval=True, approvers=("ada", "token ci"), **silent),
    )
    assert list(action_problems(Settings(actions=actions), Door())) == []
    assert capsys.readouterr().out.splitlines() == [
        "✓ action dry: only says what it would do (dry_run)",
        "✓ action alone: by itself",
        "✓ action careful: when ada or token ci approves",
    ]
    assert "no action is called 'jiri'" in next(iter(action_problems(_settings(name="x", kind="jiri"), Door())))


def test_in_shadow_mode_there_are_none() -> None:
    settings = _settings(name="x", kind="jira", options=JIRA)
    assert not acts(
        settings.model_copy(update={"aiops": ServiceSettings(shadow=True)}), Outbound(), None, Door()
    ).configured


def test_two_actions_of_one_name_and_matchers_that_are_none_are_refused() -> None:
    action = ActionSettings(name="x", kind="jira", options=JIRA)
    with pytest.raises(ValidationError, match="two actions are called x"):
        Settings(actions=(action, action))
    with pytest.raises(ValidationError):
        ActionSettings(name="x", kind="jira", match=("severity=~(",))


async def nothing(_: bytes) -> None: ...


def sockets(*allow: str, url: str = "https://slack.com/api") -> int:
    settings = Settings.model_validate({"slack": {"app_token": "xapp-of-a-test", "api_url": url}})
    return len(slack_sockets(settings, nothing, SystemClock(), Outbound(allow)))


def test_the_socket_is_opened_only_where_the_list_of_hosts_lets_it() -> None:
    assert sockets() == sockets("slack.com") == 1
    with pytest.raises(ConfigError, match=r"SLACK_API_URL: slak\.example is not in OUTBOUND_ALLOW"):
        sockets("slack.com", url="https://slak.example/api")


def test_without_a_token_there_is_none() -> None:
    assert slack_sockets(Settings(), nothing, SystemClock(), Outbound(("slack.com",))) == ()
