"""Every question to a real VictoriaMetrics, alone and with its vmalert behind it."""

import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.errors import SourceRefused

pytestmark = pytest.mark.anyio

ODD = 'a"} or {b="\\'
RULES = """
groups:
  - name: g
    rules:
      - {record: "job:up:sum", expr: sum by (job) (up)}
      - {alert: Down, expr: up == 0, for: 1m, labels: {severity: page}, annotations: {summary: s}}
"""


@dataclass(frozen=True)
class Addresses:
    """The same data at two servers: one that evaluates no rules, and one that passes questions for them to vmalert."""

    alone: str
    with_rules: str


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs the program {name} (Debian: apt install victoria-metrics)")
    return found


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    folder = tmp_path_factory.mktemp("victoria")
    (folder / "rules.yml").write_text(RULES)
    alone, served, vmalert = (f"http://127.0.0.1:{free_port()}" for _ in range(3))
    rules = ("-rule=" + str(folder / "rules.yml"), f"-datasource.url={served}", f"-remoteWrite.url={served}")
    commands = [
        server(alone, folder / "alone"),
        [*server(served, folder / "served"), f"-vmalert.proxyURL={vmalert}"],
        [program("vmalert"), *rules, f"-notifier.url={served}", listening(vmalert)],
    ]
    started = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands]
    try:
        for url in (alone, served, vmalert):
            wait_until(lambda url=url: httpx2.get(f"{url}/health").status_code == 200)
        for url in (alone, served):
            fill(url)
        yield Addresses(alone, served)
    finally:
        for process in started:
            process.terminate()
            process.wait(60)


def server(url: str, folder: Path) -> list[str]:
    return [program("victoria-metrics"), f"-storageDataPath={folder}", "-search.latencyOffset=0s", listening(url)]


def listening(url: str) -> str:
    return f"-httpListenAddr={url.removeprefix('http://')}"


def fill(url: str) -> None:
    """Five minutes of two series, one of them with a label that would change a query where it is not escaped."""
    now = int(time.time())
    label = ODD.replace("\\", r"\\").replace('"', r"\"")
    lines = [
        f'up{{job="{job}",odd="{label}"}} {value} {(now - second) * 1000}'
        for second in range(0, 300, 15)
        for job, value in (("shop", 1), ("db", 0))
    ]
    httpx2.post(f"{url}/api/v1/import/prometheus", content="\n".join(lines)).raise_for_status()
    wait_until(lambda: len(httpx2.get(f"{url}/api/v1/series", params={"match[]": "up"}).json()["data"]) == 2)


def wait_until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if look():
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("VictoriaMetrics did not become ready in 60 s")


@pytest.fixture
async def alone(addresses: Addresses) -> AsyncIterator[Prometheus]:
    client = Prometheus(Endpoint(url=addresses.alone))
    yield client
    await client.aclose()


@pytest.fixture
async def with_rules(addresses: Addresses) -> AsyncIterator[Prometheus]:
    client = Prometheus(Endpoint(url=addresses.with_rules))
    yield client
    await client.aclose()


async def test_it_is_well_and_its_version_is_no_error(alone: Prometheus) -> None:
    await alone.healthy()
    assert isinstance(await alone.version(), str)


async def test_numbers_at_a_moment_over_a_range_and_raw(alone: Prometheus) -> None:
    now = datetime.now(UTC)
    at_once = await alone.query("up", now)
    assert {series.labels["job"]: series.points[-1][1] for series in at_once.data} == {"shop": 1, "db": 0}
    assert {series.labels["odd"] for series in at_once.data} == {ODD}
    (total,) = (await alone.query_range("sum(up)", now - timedelta(minutes=3), now, 15)).data
    assert {value for _, value in total.points} == {1}
    raw = await alone.query('up{job="shop"}[2m]', now)
    assert 7 <= len(raw.data[0].points) <= 9
    assert (at_once.warnings, raw.warnings) == ((), ())


async def test_names_and_series_are_found(alone: Prometheus) -> None:
    now = datetime.now(UTC)
    found = await alone.series(['up{job="db"}'], now - timedelta(minutes=5), now)
    assert [labels["job"] for labels in found.data] == ["db"]
    assert set((await alone.labels(["up"], now - timedelta(minutes=5), now)).data) == {"__name__", "job", "odd"}
    assert (await alone.label_values("job", ["up"])).data == ["db", "shop"]


async def test_without_vmalert_it_has_no_rules_and_is_no_broken_server(alone: Prometheus) -> None:
    assert (await alone.rules()).data == []
    assert (await alone.metadata()).data == {}


async def test_with_vmalert_it_has_rules(with_rules: Prometheus) -> None:
    rules = {rule.name: rule for rule in (await with_rules.rules()).data}
    assert (rules["Down"].query, rules["Down"].for_seconds, rules["Down"].kind) == ("up == 0", 60, "alerting")
    assert rules["job:up:sum"].kind == "recording"


async def test_a_query_that_is_none_is_a_refusal(alone: Prometheus) -> None:
    with pytest.raises(SourceRefused, match=r"42[02]"):
        await alone.query("up{", datetime.now(UTC))
