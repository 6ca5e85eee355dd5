"""Real processes on free loopback ports: ours, Prometheus, Alertmanager, an exporter; and a peer that records."""

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

ANALYSIS = {
    "summary": "the scripted model's summary",
    "root_cause": "unknown",
    "outcome": "inconclusive",
    "confidence": 0.2,
    "evidence": [],
    "remediation_steps": [],
    "severity_assessment": "",
    "affected": [],
}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def eventually(look: Callable[[], T], what: str | Callable[[], str], seconds: float = 120) -> T:
    """What `look` gives as soon as it gives something; fails with `what`, which may be asked for, if never."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"not within {seconds} s: {what() if callable(what) else what}")


class Peer:
    """Everything that the service talks to, in one recording HTTP server.

    `delays` holds back answers by the beginning of their path, so that a kill can hit the step that waits, until they
    are cleared; what is in
    `drips` comes one byte a second. `answers` are for whole paths, some made of the body. In `requests` what a GET
    asks for stands in the place of a body. `most` is how many requests were ever under way at once, by the first part
    of their path.
    """

    def __init__(self) -> None:
        self.delays: dict[str, float] = {}
        self.drips: set[str] = set()
        self.answers: dict[str, Any] = {}
        self.statuses: dict[str, int] = {}
        self.requests: list[tuple[str, Any]] = []
        self.most: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()
        self._counting = threading.Lock()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:
                    self.close_connection = True  # whoever posts was killed in the middle: nobody was told anything
                    return
                self._answer(body)

            def do_GET(self) -> None:
                self._answer(self.path.partition("?")[2].encode())

            def _answer(self, body: bytes) -> None:
                path = self.path.partition("?")[0]
                peer.requests.append((path, body))
                with peer.counted(path.split("/")[1]):
                    peer.hold(path)
                status = next((s for start, s in peer.statuses.items() if path.startswith(start)), 200)
                said = peer.answers.get(path, answer(path))
                content = json.dumps(said(body) if callable(said) else said).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    for byte in content if path.startswith(tuple(peer.drips)) else ():
                        self.wfile.write(bytes([byte]))
                        time.sleep(1)
                    self.wfile.write(content)
                except OSError:
                    pass  # whoever asked was killed meanwhile: that is what these tests do

            def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the name is the base class's

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @contextlib.contextmanager
    def counted(self, part: str) -> Iterator[None]:
        with self._counting:
            self._under_way[part] += 1
            self.most[part] = max(self.most[part], self._under_way[part])
        try:
            yield
        finally:
            with self._counting:
                self._under_way[part] -= 1

    def hold(self, path: str) -> None:
        """Wait as long as the path's delay says, or until there is none any more."""
        began = time.monotonic()
        while (
            began + next((s for start, s in list(self.delays.items()) if path.startswith(start)), 0) > time.monotonic()
        ):
            time.sleep(0.02)

    def asked(self, start: str) -> int:
        return sum(path.startswith(start) for path, _ in list(self.requests))

    def told(self, event: str | None = None) -> list[dict[str, Any]]:
        """The notifications that came to the generic webhook."""
        bodies = [json.loads(body) for path, body in list(self.requests) if path == "/hook"]
        return [body for body in bodies if event is None or body["event"] == event]

    def ask_first(self, query: str) -> None:
        """From now on the model asks for this query before it answers, as long as it is offered tools."""
        called = {"name": "query_prometheus", "arguments": json.dumps({"query": query})}
        asks = completion({"content": None, "tool_calls": [{"id": "1", "type": "function", "function": called}]})
        path = "/llm/chat/completions"
        self.answers[path] = lambda body: asks if json.loads(body).get("tools") else answer(path)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def completion(message: dict[str, Any]) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def answer(path: str) -> Any:
    if path.endswith("/chat/completions"):
        return completion({"content": json.dumps(ANALYSIS)})
    if path.endswith(("/query", "/query_range")):
        return {"status": "success", "data": {"resultType": "vector", "result": []}}
    if path.endswith("/rules"):
        return {"status": "success", "data": {"groups": []}}
    if path.endswith("/metadata"):
        return {"status": "success", "data": {}}
    if path.startswith(("/api", "/loki")):
        return {"status": "success", "data": []}
    return {"ok": True}


class Service:
    """Our own service as a process, or a worker."""

    def __init__(self, folder: Path, command: str, tls: Path | None = None, **settings: str) -> None:
        self.folder = folder
        self.command = command
        self.port = free_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._trusted = ssl.create_default_context(cafile=tls) if tls else None
        if self._trusted:
            self._trusted.check_hostname = False
        clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self._environment = {**clean, "AIOPS_DATA_DIR": str(folder / "data"), "AIOPS_SETTLE_SECONDS": "0.2", **settings}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Service":
        with (self.folder / "service.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "aiops_processor", self.command, "--port", str(self.port)],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        eventually(self._ready, f"the service is ready; its log:\n{self.log()}")
        return self

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        return self._signal(signal.SIGTERM)

    def restart(self) -> None:
        self.kill()
        self.start()

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._request(urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}))

    def get(self, path: str) -> Any:
        return self._request(urllib.request.Request(self.url + path))[1]

    def log(self) -> str:
        file = self.folder / "service.log"
        return file.read_text() if file.exists() else ""

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the service ended:\n{self.log()}"
        try:
            return self._request(urllib.request.Request(self.url + "/health/ready"))[0] == 200
        except urllib.error.URLError:
            return False

    def _signal(self, number: int) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(number)
        return process.wait(60)

    def _request(self, request: urllib.request.Request) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(request, timeout=30, context=self._trusted) as response:
                content, status = response.read(), response.status
        except urllib.error.HTTPError as error:
            content, status = error.read(), error.code
        try:
            return status, json.loads(content)
        except ValueError:
            return status, content.decode()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture
def make_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    made: list[Service] = []

    def make(command: str = "serve", tls: Path | None = None, **settings: str) -> Service:
        made.append(Service(tmp_path, command, tls, **settings))
        return made[-1].start()

    yield make
    for service in made:
        service.kill()


@pytest.fixture
def start_program(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a program by name, ended with the test; skips the test where it is not installed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
        path = shutil.which(name)
        if path is None:
            pytest.skip(f"{name} is not installed")
        with (tmp_path / f"{name}.log").open("ab") as log:
            started.append(subprocess.Popen([path, *arguments], stdout=log, stderr=log, cwd=tmp_path))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


@pytest.fixture
def start_alertmanager(start_program: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> Callable[..., Any]:
    """Start the real one on a port with a configuration; started there again it knows what it knew."""

    def start(port: int, configuration: str) -> subprocess.Popen[bytes]:
        file = tmp_path / f"alertmanager-{port}.yml"
        file.write_text(configuration)
        where = (f"--storage.path=am-{port}", f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=")
        return start_program("prometheus-alertmanager", f"--config.file={file}", *where)

    return start


@pytest.fixture
def now_rfc3339() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@pytest.fixture
def webhook(now_rfc3339: str) -> Callable[..., dict[str, Any]]:
    """A webhook as Alertmanager writes it: one group of alerts, by alert name."""

    def make(*names: str, status: str = "firing", group: str = "g") -> dict[str, Any]:
        alerts = [
            {
                "status": status,
                "labels": {"alertname": name, "severity": "critical", "service": "checkout"},
                "annotations": {"summary": f"{name} fires"},
                "startsAt": now_rfc3339,
                "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else now_rfc3339,
                "generatorURL": "http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
            }
            for name in names
        ]
        return {"version": "4", "receiver": "aiops", "status": status, "groupKey": group, "alerts": alerts}

    return make


@pytest.fixture
def port() -> Callable[[], int]:
    return free_port


@pytest.fixture
def wait() -> Callable[..., Any]:
    return eventually
