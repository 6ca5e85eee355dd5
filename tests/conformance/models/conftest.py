"""aimock: one program that speaks as many providers do, on a loopback port of its own."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "aimock.sh"
PROVIDERS = ("deepseek", "openai", "anthropic", "ollama", "generic")
GOOD = {
    "summary": "Checkout fails.",
    "root_cause": "No free connection.",
    "confidence": 0.9,
    "evidence": [{"id": "M1", "statement": "from 0 to 12.4/s"}],
}
TOO_LONG = {
    "too-long": "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens",
    "too-long-for-llama": "the request exceeds the available context size. try increasing the context size",
    "too-long-for-claude": "prompt is too long: 210000 tokens > 200000 maximum",
}


def _failure(status: int, message: str = "no", **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error"}, "status": status, **more}


def _answers() -> Iterator[dict[str, Any]]:
    """What each model name is answered."""
    usage = {"usage": {"prompt_tokens": 11, "completion_tokens": 7, "input_tokens": 11, "output_tokens": 7}}
    answers: dict[str, dict[str, Any]] = {
        "good": {"content": json.dumps(GOOD), **usage},
        "calls": {"toolCalls": [{"name": "report", "arguments": GOOD}]},
        "empty": {"content": ""},
        "limited": _failure(429, retryAfter=60),
        "refused": _failure(401),
        "missing": _failure(404),
        **{f"status-{status}": _failure(status) for status in (500, 503)},
        **{name: _failure(400, text) for name, text in TOO_LONG.items()},
    }
    for name, response in answers.items():
        yield {"match": {"model": name}, "response": response}
    for provider in PROVIDERS:
        for place, response in enumerate((_failure(429, retryAfter=1), answers["good"])):
            yield {"match": {"model": f"limited-once-{provider}", "sequenceIndex": place}, "response": response}
    for name, fault in {
        "hang": {"latencyMs": 30000},
        "cut": {"disconnectRate": 1},
        "bad": {"malformedRate": 1},
    }.items():
        yield {"match": {"model": name}, "response": answers["good"], "chaos": fault}


@dataclass(frozen=True)
class Aimock:
    """The running program."""

    url: str

    def requests(self, model: str) -> list[dict[str, Any]]:
        """What was asked of this model, oldest first."""
        entries = httpx2.get(f"{self.url}/__aimock/journal").json()
        return [entry for entry in entries if (entry.get("body") or {}).get("model") == model]

    def forget(self) -> None:
        httpx2.post(f"{self.url}/__aimock/reset/journal")


@pytest.fixture(scope="session")
def running_aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    installed = subprocess.run(["sh", str(SCRIPT)], capture_output=True, text=True)
    node = shutil.which("node")
    if installed.returncode or node is None:
        pytest.skip(f"aimock cannot be installed: {installed.stderr.strip()}")
    answers = tmp_path_factory.mktemp("aimock") / "answers.json"
    answers.write_text(json.dumps({"fixtures": list(_answers())}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [node, installed.stdout.strip(), "-p", str(port), "-f", str(answers), "--log-level", "silent"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health")
        yield Aimock(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def aimock(running_aimock: Aimock) -> Aimock:
    running_aimock.forget()
    return running_aimock


@pytest.fixture
def dripping() -> Iterator[Callable[[int], str]]:
    """Starts a server whose every answer comes byte by byte, one a second, after the first `slow_from` ones."""
    listening: list[socket.socket] = []

    def serve(slow_from: int) -> str:
        listening.append(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=_drip_to_all, args=(listening[-1], slow_from), daemon=True).start()
        return f"http://127.0.0.1:{listening[-1].getsockname()[1]}"

    yield serve
    for each in listening:
        each.close()


def _drip_to_all(listening: socket.socket, slow_from: int) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_drip, args=(client, slow_from), daemon=True).start()


def _drip(client: socket.socket, slow_from: int) -> None:
    content = json.dumps(GOOD).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    answer = head + content
    try:
        client.recv(65536)
        client.sendall(answer[:slow_from])
        for byte in answer[slow_from:]:
            client.sendall(bytes([byte]))
            time.sleep(1)
    except OSError:
        pass  # who asked has gone: that is what these tests want
    finally:
        client.close()


def _wait_for(url: str) -> None:
    for _ in range(1200):
        try:
            httpx2.get(url, verify=False)
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("aimock did not start")
