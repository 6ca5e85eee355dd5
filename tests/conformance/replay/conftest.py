"""A real Prometheus that has the samples of the bundled recording, to hold the replay against."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import msgspec
import pytest
from starlette.testclient import TestClient

from aiops_processor.demo.labels import NAME, quoted
from aiops_processor.demo.prometheus_api import prometheus_app
from aiops_processor.demo.recording import Recording, bundled

Ask = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]


@pytest.fixture(scope="session")
def recorded() -> Recording:
    return Recording.load(bundled())


@pytest.fixture(scope="session")
def real(recorded: Recording, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks the real server: path and parameters in, status and body out."""
    prometheus, promtool = shutil.which("prometheus"), shutil.which("promtool")
    if not prometheus or not promtool:
        pytest.skip("needs prometheus and promtool in the PATH")
    folder = tmp_path_factory.mktemp("prometheus")
    _backfill(promtool, recorded, folder)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = subprocess.Popen(
        [
            prometheus,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--query.lookback-delta={int(recorded.info.scrape_interval * 2500)}ms",
            "--log.level=error",
        ]
    )
    try:
        _wait(f"http://127.0.0.1:{port}/-/ready")
        yield lambda path, parameters: _ask(f"http://127.0.0.1:{port}/api/v1/{path}", parameters)
    finally:
        server.terminate()
        server.wait(timeout=20)


@pytest.fixture(scope="session")
def as_installed(recorded: Recording, real: Ask) -> Recording:
    """The recording as if the installed version had made it: versions differ in what a window includes."""
    version = real("status/buildinfo", {})[1]["data"]["version"]
    return replace(recorded, info=msgspec.structs.replace(recorded.info, prometheus=version))


def _backfill(promtool: str, recording: Recording, folder: Path) -> None:
    (folder / "prometheus.yml").write_text("global: {evaluation_interval: 2s}\n")
    text = folder / "samples.om"
    with text.open("w") as file:
        for one in sorted(recording.series, key=lambda series: dict(series.labels)[NAME]):
            labels = dict(one.labels)
            head = f"{labels.pop(NAME)}{{{','.join(f'{name}={quoted(value)}' for name, value in labels.items())}}}"
            pairs = zip(one.times.tolist(), one.values.tolist(), strict=True)
            file.writelines(f"{head} {value!r} {time / 1000:.3f}\n" for time, value in pairs)
        file.write("# EOF\n")
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(text), str(folder / "data")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def _wait(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=1):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    pytest.fail("the real Prometheus did not become ready in 30 s")


def _ask(url: str, parameters: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    try:
        with urlopen(f"{url}?{urlencode(parameters, doseq=True)}", timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


class At:
    """A clock that stands still."""

    def __init__(self, seconds: float) -> None:
        self._now = datetime.fromtimestamp(seconds, UTC)

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")


@pytest.fixture(scope="session")
def replayed(as_installed: Recording) -> Ask:
    """Asks the replay of the same recording, after its end."""
    client = TestClient(prometheus_app(as_installed, At(as_installed.end + 60)))

    def ask(path: str, parameters: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        answer = client.get(f"/api/v1/{path}", params=parameters)
        return answer.status_code, answer.json()

    return ask
