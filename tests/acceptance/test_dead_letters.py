"""What could not be taken is there to be looked at, mended and posted again."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def aiops(make_service: Callable[..., Any], tmp_path: Path) -> Any:
    service = make_service()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "API_PORT": str(service.port)}
        command = [sys.executable, "-m", "aiops_processor", "dead-letters", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)

    run.service = service  # type: ignore[attr-defined]
    return run


def test_a_dead_letter_is_listed_shown_and_dropped(aiops: Any, webhook: Callable[..., Any]) -> None:
    assert aiops("list").stdout == "none\n"
    body = webhook("Good", "Bad")
    del body["alerts"][1]["startsAt"]
    for _ in range(3):
        aiops.service.post("/webhook/alerts", body)
    listed = aiops("list").stdout
    assert "3 ×" in listed
    assert "startsAt: is missing" in listed
    assert '"alertname":"Bad"' in aiops("show", "1").stdout.replace(" ", "")
    assert aiops("drop", "1").stdout == "dropped\n"
    assert aiops("list").stdout == "none\n"


def test_a_replay_that_is_still_bad_says_why_and_keeps_it(aiops: Any, webhook: Callable[..., Any]) -> None:
    body = webhook("Bad")
    del body["alerts"][0]["startsAt"]
    aiops.service.post("/webhook/alerts", body)
    ran = aiops("replay", "1")
    assert ran.returncode == 1
    assert "still not taken: startsAt: is missing" in ran.stderr
    assert "startsAt" in aiops("list").stdout


def test_without_a_service_the_remedy_is_named(tmp_path: Path, port: Callable[[], int]) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "API_PORT": str(port())}
    command = [sys.executable, "-m", "aiops_processor", "dead-letters", "list"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    assert ran.returncode == 1
    assert "is the service running?" in ran.stderr
