"""What the tests of parts together share."""

import json
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest


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
    signed("server", "subjectAltName=IP:127.0.0.1")
    signed("client", "extendedKeyUsage=clientAuth")
    names = ("authority.pem", "server.pem", "server.key", "client.pem", "client.key")
    return Certificates(*(folder / name for name in names))


_NEW_KEY = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
