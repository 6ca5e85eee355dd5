"""A disk that is full: what was answered 200 is there all the same."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes; skips where none can be mounted."""
    folder = tmp_path / "data"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def one(webhook: Callable[..., Any], name: str, **annotations: str) -> dict[str, Any]:
    """A webhook of one alert, of a service of its own."""
    body = webhook(name, group=f"of {name}")
    body["alerts"][0]["labels"]["service"] = name
    body["alerts"][0]["annotations"] |= annotations
    return body


def told(peer: Any) -> set[str]:
    return {alert["labels"]["alertname"] for message in peer.told("analysed") for alert in message["alerts"]}


def test_a_full_disk_is_503_and_nothing_that_was_taken_is_lost(
    small_disk: Path, peer: Any, make_service: Callable[..., Any], webhook: Callable[..., Any], wait: Callable[..., Any]
) -> None:
    service = make_service(GENERIC_WEBHOOK_URL=f"{peer.url}/hook")
    assert service.post("/webhook/alerts", one(webhook, "Before"))[0] == 200
    wait(lambda: told(peer) == {"Before"}, "the first alert is analysed and told")
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file:
        file.write(b"x" * max(0, shutil.disk_usage(small_disk).free - 300_000))
    answers: dict[str, int] = {}
    for number in range(200):
        name = f"Alert{number}"
        answers[name], _ = service.post("/webhook/alerts", one(webhook, name, description="x" * 20_000))
        if list(answers.values()).count(503) >= 5:
            break
    assert set(answers.values()) == {200, 503}
    assert service.get("/health/live") == {"status": "live"}
    ballast.unlink()
    taken = {name for name, status in answers.items() if status == 200}
    for name in set(answers) - taken:
        assert wait(lambda n=name: service.post("/webhook/alerts", one(webhook, n))[0] == 200, "it is taken again")
    wait(lambda: told(peer) >= set(answers), f"all are analysed and told\n{service.log()[-3000:]}")
    service.restart()
    assert len(service.get("/api/v1/incidents?limit=200")) == len(answers) + 1
