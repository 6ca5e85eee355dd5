"""What the tests of parts together share."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from aiops_processor import AlertAnalyzer, config, parts
from aiops_processor.clients.alertmanager import Alertmanager
from aiops_processor.clients.http import Endpoint
from aiops_processor.errors import SourceError
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.settings import Settings


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@dataclass(frozen=True)
class Asked:
    """One request that a server saw. `fields` are those of the address or of the form."""

    method: str
    path: str
    fields: dict[str, list[str]]
    headers: httpx2.Headers
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Recorder:
    """A server on loopback that remembers what it is asked, and answers as whatever is behind the path would.

    `delays` (seconds), `statuses` and `answers` (a JSON value) hold for the paths that contain their key.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.delays: dict[str, float] = {}
        self.statuses: dict[str, int] = {}
        self.answers: dict[str, Any] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def of(self, part: str) -> list[Asked]:
        """The requests whose path contains this, in order."""
        return [asked for asked in list(self.asked) if part in asked.path]

    def forget(self) -> None:
        self.asked.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(recorder: Recorder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def do_GET(self) -> None:
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            path, query = urlsplit(self.path).path, urlsplit(self.path).query
            form = "form" in self.headers.get("Content-Type", "")
            fields = parse_qs(body.decode() if form else query)
            recorder.asked.append(Asked(self.command, path, fields, httpx2.Headers(list(self.headers.items())), body))
            time.sleep(_for(recorder.delays, path, 0))
            content = json.dumps(_for(recorder.answers, path, _usual(path))).encode()
            try:
                self.send_response(_for(recorder.statuses, path, 200))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                pass  # who asked does not wait any more: that is what some tests do

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the name is the base class's

    return Handler


def _for(settings: dict[str, Any], path: str, usual: Any) -> Any:
    return next((value for part, value in settings.items() if part in path), usual)


def _usual(path: str) -> Any:
    if path.endswith("/status"):
        started = {"uptime": "2026-01-31T12:00:00Z", "versionInfo": {"version": "0.28.0"}}
        return {"cluster": {"status": "disabled"}, **started}
    if "/api/v1/query" in path:
        return {"status": "success", "data": {"resultType": "vector", "result": []}}
    if path.endswith(("/rules", "/metadata")):
        return {"status": "success", "data": {}}
    return {"status": "success", "data": []}


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    server = Recorder()
    yield server
    server.close()


@pytest.fixture
def serve_tls() -> Iterator[Callable[[ssl.SSLContext], Recorder]]:
    """Start a recorder that speaks TLS; it ends with the test."""
    started: list[Recorder] = []

    def serve(context: ssl.SSLContext) -> Recorder:
        started.append(Recorder(context))
        return started[-1]

    yield serve
    for server in started:
        server.close()


@dataclass(frozen=True)
class Certificates:
    """An authority of this test run and what it signed, as PEM files; each key stands apart from its certificate."""

    authority: Path
    another: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path

    def server_context(self, *, ask_clients: bool = False) -> ssl.SSLContext:
        """What a server shows; with `ask_clients` it wants a certificate of the same authority from them."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.authority))
        context.load_cert_chain(self.server, self.server_key)
        context.verify_mode = ssl.CERT_REQUIRED if ask_clients else ssl.CERT_NONE
        return context


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made by `openssl`; where that is not installed the test is skipped."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs the program openssl, which makes the certificates")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str, program: str = program) -> None:
        subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)

    def signed(name: str, *extensions: str) -> None:
        (folder / f"{name}.ext").write_text("\n".join(("basicConstraints=CA:FALSE", *extensions)))
        openssl(*_NEW_KEY, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        authority = ("-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial")
        openssl("x509", "-req", "-in", f"{name}.csr", *authority, "-extfile", f"{name}.ext", "-out", f"{name}.pem")

    openssl(*_NEW_KEY, "-x509", "-subj", "/CN=authority", "-keyout", "authority.key", "-out", "authority.pem")
    openssl(*_NEW_KEY, "-x509", "-subj", "/CN=another", "-keyout", "another.key", "-out", "another.pem")
    signed("server", "subjectAltName=IP:127.0.0.1")
    signed("client", "extendedKeyUsage=clientAuth")
    names = ("authority.pem", "another.pem", "server.pem", "server.key", "client.pem", "client.key")
    return Certificates(*(folder / name for name in names))


_NEW_KEY = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


ANSWER = '{"summary": "s", "root_cause": "unknown", "outcome": "inconclusive", "confidence": 0.2}'


@dataclass
class Lab:
    """What a proof may use. `folder` is its own; `recorder` is everything that the product asks."""

    COMPLETION: ClassVar[dict[str, Any]] = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }

    environment: pytest.MonkeyPatch
    recorder: Any
    folder: Path
    asked_for: pytest.FixtureRequest
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)

    def settings(self, **variables: str) -> Settings:
        """The settings that these variables of the environment make."""
        for name, value in variables.items():
            self.environment.setenv(name, value)
        return config.load()

    def fixture(self, name: str) -> Any:
        return self.asked_for.getfixturevalue(name)

    async def probe(self, service: str, **variables: str) -> None:
        """Ask a source whether it is well, as `/health` and `aiops check` do."""
        sources = parts.Sources.of(self.settings(**variables))
        probe = sources.probes[service]
        assert probe is not None
        try:
            await probe()
        finally:
            await sources.aclose()

    async def analyse(self, **variables: str) -> AnalysisResult:
        """One alert, analysed with these settings, as a program that embeds us does."""
        alert = Alert(
            status="firing",
            labels={"alertname": "Slow", "service": "cart", "namespace": "shop", **self.labels},
            starts_at=datetime.now(UTC) - timedelta(minutes=1),
        )
        async with AlertAnalyzer(self.settings(**variables)) as analyzer:
            return await analyzer.analyze_alert(alert)

    async def ask_model(self, **variables: str) -> dict[str, Any]:
        """What the model was sent, body and headers, when one alert was analysed."""
        self.recorder.answers["/chat/completions"] = self.COMPLETION
        await self.analyse(
            **{"LLM_BASE_URL": f"{self.recorder.url}/v1", "DEEPSEEK_API_KEY": "sk-deepseek", **variables}
        )
        asked = self.recorder.of("/chat/completions")[-1]
        return {**asked.json(), "headers": asked.headers}

    def start(self, command: str, port: int, host: str = "127.0.0.1", **variables: str) -> str:
        """A running `aiops serve` or `aiops worker`; its address when it is alive."""
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = {**clean, "AIOPS_DATA_DIR": str(self.folder / "data"), "AIOPS_SETTLE_SECONDS": "0.1", **variables}
        with (self.folder / "log").open("ab") as log:
            arguments = [sys.executable, "-m", "aiops_processor", command]
            process = subprocess.Popen(arguments, env=environment, stdout=log, stderr=log, cwd=self.folder)
        self.processes.append(process)
        url = f"http://{host}:{port}"
        self.until(lambda: self.alive(url) or process.poll() is not None, "the process answers")
        assert process.poll() is None, self.log()
        return url

    def log(self) -> str:
        return (self.folder / "log").read_text()

    @staticmethod
    def until(look: Callable[[], Any], what: str, seconds: float = 120) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.05)
        pytest.fail(f"not within {seconds} s: {what}")

    @staticmethod
    def alive(url: str) -> bool:
        """`verify`: to read the trusted certificates for each of many looks costs more than the look."""
        try:
            return httpx2.get(f"{url}/health/live", verify=False).status_code == 200
        except httpx2.TransportError:
            return False


@pytest.fixture
def lab(
    monkeypatch: pytest.MonkeyPatch, recorder: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Lab]:
    for name, _ in config.variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv(config.FILE_VARIABLE, raising=False)
    made = Lab(monkeypatch, recorder, tmp_path, request)
    yield made
    for process in made.processes:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def start_alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Start the real one with a configuration: its address, at once. The test is skipped where it is not installed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(configuration: str, *arguments: str) -> str:
        program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        if program is None:
            pytest.skip("needs the program alertmanager")
        folder = tmp_path_factory.mktemp("alertmanager")
        (folder / "alertmanager.yml").write_text(configuration)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            place = f"127.0.0.1:{free.getsockname()[1]}"
        usual = ("--config.file=alertmanager.yml", "--storage.path=data", "--cluster.listen-address=")
        with (folder / "log").open("wb") as log:
            command = [program, *usual, f"--web.listen-address={place}", *arguments]
            started.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
        return f"http://{place}"

    yield start
    for process in started:
        process.terminate()
        process.wait(60)


@pytest.fixture
async def alertmanager(url: str, until: Callable[..., Awaitable[Any]]) -> AsyncIterator[Alertmanager]:
    """A client of the one at `url`, which answers by now."""
    client = Alertmanager(Endpoint(url=url, timeout_seconds=5))

    async def answers() -> bool:
        try:
            await client.healthy()
        except SourceError:
            return False
        return True

    await until(answers)
    yield client
    await client.aclose()
