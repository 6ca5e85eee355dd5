"""What every test may ask for."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aiops_processor.models.notification import Message

FAKE_ROLES = ("control", "prom", "loki", "llm", "slack", "webhook")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The recordings, samples and labelled data beside the checkout; where they are absent the test is skipped."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "recordings").is_dir():
        pytest.skip("needs the shared data beside the checkout")
    return folder


@pytest.fixture
def message() -> Message:
    """One incident as it is told: two services, four findings, a gap, and an analysis of them."""
    path = Path(__file__).parent / "data" / "message.json"
    return Message.model_validate_json(path.read_bytes())


@dataclass(frozen=True)
class Fakes:
    """Fake Prometheus, Loki, model, Slack and webhook servers on neighbouring ports of the loopback."""

    base_port: int

    def url(self, role: str) -> str:
        return f"http://127.0.0.1:{self.base_port + FAKE_ROLES.index(role)}"

    def configure(self, role: str, **settings: Any) -> None:
        """Forget what was, then set the fault of one role."""
        httpx2.post(f"{self.url('control')}/_reset?config=1")
        answer = httpx2.post(f"{self.url('control')}/_config", json={role: settings}).json()
        assert "error" not in answer, answer

    def stats(self, role: str) -> dict[str, Any]:
        return httpx2.get(f"{self.url('control')}/_stats?full=1&role={role}").json()[role]


@pytest.fixture(scope="session")
def fakes(shared: Path) -> Iterator[Fakes]:
    """The fake servers of the shared data, started for this test run and ended with it."""
    found = Fakes(_free_ports(len(FAKE_ROLES)))
    command = [sys.executable, str(shared / "fakes" / "fakes.py"), "--base-port", str(found.base_port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"{found.url('control')}/_stats")
        yield found
    finally:
        process.kill()
        process.wait()


def _free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    for base in range(20000, 32000, 50):
        with ExitStack() as stack:
            try:
                for port in range(base, base + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return base
    raise AssertionError("no free ports")


def _wait_for(url: str) -> None:
    for _ in range(100):
        try:
            httpx2.get(url)
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the fake servers did not start")
