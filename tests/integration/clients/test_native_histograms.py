"""A real Prometheus that scrapes a native histogram, which only the protobuf exposition can carry."""

import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.clock import SystemClock
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.packs import built_in
from aiops_processor.evidence.gather import Gatherer
from aiops_processor.evidence.rows import rates
from aiops_processor.evidence.rows.measure import measure
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Outcome

pytestmark = pytest.mark.anyio

PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
CONFIGURATION = """
global: {scrape_interval: 1s}
scrape_configs: [{job_name: shop, static_configs: [{targets: ["127.0.0.1:%d"], labels: {service: cart}}]}]
"""
SECONDS_EACH = 0.25
SCRAPES = 8


def varint(number: int) -> bytes:
    head, rest = number & 0x7F, number >> 7
    return bytes([head | 0x80]) + varint(rest) if rest else bytes([head])


def field(number: int, value: int | float | bytes) -> bytes:
    """One field of a protobuf message: a varint, a double, or bytes with their length."""
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def exposition(count: int) -> bytes:
    """The histogram with so many observations of a quarter of a second, as client_model's metrics.proto has it.

    Schema 0: bucket -1 ends at 0.5 and holds them all. Signed numbers are zigzag: 0 is 0, -1 is 1, n is 2n.
    """
    span = field(1, 1) + field(2, 1)
    zero = field(6, 0.001) + field(7, 0)
    histogram = field(1, count) + field(2, count * SECONDS_EACH) + field(5, 0) + zero + field(12, span)
    histogram += field(13, 2 * count)
    family = (
        field(1, b"http_request_duration_seconds")
        + field(2, b"How long.")
        + field(3, 4)
        + field(4, field(7, histogram))
    )
    return varint(len(family)) + family


class Shop(BaseHTTPRequestHandler):
    """Ten more observations at each scrape."""

    scrapes = 0

    def do_GET(self) -> None:
        Shop.scrapes += 1
        body = exposition(10 * Shop.scrapes)
        self.send_response(200)
        self.send_header("Content-Type", PROTOBUF)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the library's name for it


@pytest.fixture
def shop() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def address(tmp_path: Path, shop: int) -> Iterator[str]:
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("needs the program prometheus (Debian: apt install prometheus)")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    (tmp_path / "prometheus.yml").write_text(CONFIGURATION % shop)
    command = [binary, f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=native-histograms", "--log.level=error"]
    with subprocess.Popen(command) as process:
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def wait_for_scrapes(address: str, most_seconds: float = 120) -> None:
    deadline = time.monotonic() + most_seconds
    while time.monotonic() < deadline:
        time.sleep(0.5)
        try:
            answer = httpx2.get(
                f"{address}/api/v1/query", params={"query": "count_over_time(http_request_duration_seconds[1h])"}
            )
        except httpx2.TransportError:
            continue
        found = answer.json().get("data", {}).get("result")
        if found and float(found[0]["value"][1]) >= SCRAPES:
            return
    raise AssertionError(f"not {SCRAPES} scrapes of a native histogram within {most_seconds:g} s")


async def test_a_native_histogram_is_measured_and_its_queries_are_prometheus_own(address: str) -> None:
    wait_for_scrapes(address)
    client = Prometheus(Endpoint(url=address))
    now = datetime.now(UTC)
    raw = await client.query('{service="cart"}[10m]', now)
    names = {each.labels["__name__"]: each for each in raw.data}
    assert {"http_request_duration_seconds_count", "http_request_duration_seconds_sum"} <= names.keys()
    assert "http_request_duration_seconds" not in names
    assert raw.warnings == ()
    counts = [value for _, value in names["http_request_duration_seconds_count"].points]
    assert counts[-1] - counts[0] == 10 * (len(counts) - 1)

    times = names["http_request_duration_seconds_count"].points
    table = measure(raw.data, (await client.metadata()).data, rates.grid(times[0][0], times[-1][0], 1.0, 720))
    rows = {row.kind: (row, values) for row, values in zip(table.rows, table.values, strict=True)}
    row, values = rows["http_request_duration_seconds mean"]
    assert values[len(values) // 2] == pytest.approx(SECONDS_EACH)
    for query, expected in ((row.query, SECONDS_EACH), (rows["http_request_duration_seconds_count"][0].query, None)):
        (shown,) = (await client.query(query, now + timedelta(seconds=1))).data
        assert shown.points[-1][1] > 0
        assert expected is None or shown.points[-1][1] == pytest.approx(expected)
    assert (await asked_by_packs(client))["95th percentile of the request duration"] is Outcome.DATA
    await client.aclose()


async def asked_by_packs(client: Prometheus) -> dict[str, Outcome]:
    """What came of each question about an alert on slow requests."""
    labels = {"alertname": "SlowRequests", "service": "cart"}
    alert = Alert.model_validate({"status": "firing", "labels": labels, "startsAt": datetime.now(UTC).isoformat()})
    report = await Gatherer(client, None, built_in(), Limits(seconds=120), SystemClock()).gather([alert])
    return {each.title: each.outcome for each in report.reads}
