"""`aiops notify test` says of each channel what came of a message."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from aiops_processor import config
from aiops_processor.cli import notify as notify_command
from aiops_processor.plugins import aside
from aiops_processor.settings import Settings


def notify(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    command = [sys.executable, "-m", "aiops_processor", "notify", "test", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)


def test_each_channel_is_told_of_a_beginning_and_an_end(recorder: Any, tmp_path: Path) -> None:
    settings = {
        "PAGERDUTY_ROUTING_KEY": "k" * 32,
        "PAGERDUTY_URL": recorder.url,
        "SLACK_WEBHOOK_URL": f"{recorder.url}/slack/secret",
    }
    recorder.statuses["/slack"] = 404
    done = notify(tmp_path, **settings)
    assert done.returncode == 1
    assert "✗ slack: slack (127.0.0.1) answered 404: no such address; was the webhook removed?" in done.stdout
    assert "✓ pagerduty took the test message, and that it is over" in done.stdout
    events = [asked.json() for asked in recorder.of("/v2/enqueue")]
    assert [event["event_action"] for event in events] == ["trigger", "resolve"]
    assert events[0]["dedup_key"] == events[1]["dedup_key"]
    assert events[0]["payload"]["summary"] == "TEST of aiops-processor: nothing is wrong [info]"
    assert events[0]["payload"]["severity"] == "info"
    recorder.forget()
    assert notify(tmp_path, "pagerduty", **settings).returncode == 0
    assert {asked.path for asked in recorder.asked} == {"/v2/enqueue"}


def test_a_channel_that_there_is_not_is_an_error_that_names_the_known(tmp_path: Path) -> None:
    done = notify(tmp_path, "slakc", SLACK_WEBHOOK_URL="http://127.0.0.1:9/x")
    assert done.returncode == 1
    assert "no channel is called slakc; known: log, slack" in done.stderr


PLUGINS = """
import asyncio
from aiops_processor.plugins import plugin

class Silent:
    async def aclose(self): await asyncio.Event().wait()

@plugin("notifier")
class Broken(Silent):
    name = "broken"
    async def send(self, message, key, previous): raise ValueError("s3cret")
    async def aclose(self): ...

@plugin("notifier")
class Hanging(Silent):
    name = "hanging"
    async def send(self, message, key, previous): await asyncio.Event().wait()
"""


def test_a_channel_that_breaks_or_hangs_keeps_nobody_from_trying_the_others(
    recorder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.py").write_text(PLUGINS)
    given = {"plugins": {"folder": str(tmp_path)}, "generic": {"webhook_url": f"{recorder.url}/hook"}}
    monkeypatch.setattr(config, "load", lambda: Settings.model_validate(given))
    monkeypatch.setattr(notify_command, "SECONDS_FOR_ONE_TRY", 5)
    monkeypatch.setattr(aside, "CLOSE_SECONDS", 0.2)
    with pytest.raises(typer.Exit):
        notify_command.try_out()
    said = capsys.readouterr().out
    passing = "this may pass, the service would try again"
    assert f"✗ broken: a fault: ValueError; {passing}\n✗ hanging: no answer within 20 s; {passing}\n" in said
    assert "✓ webhook took the test message, and that it is over" in said
