"""How long does the evidence for one alert take, and what does it cost a real Prometheus with many series?

    python benchmarks/evidence_speed.py [--json] [--series 100000] [--runs 5] [--keep FOLDER]

Fills a Prometheus by `promtool tsdb create-blocks-from openmetrics` with pods of many services in ten namespaces, one
of which begins to fail, and starts it on a free port of the loopback. Two alerts are then gathered for, with nothing
cached: one that names its namespace and service, and one that shares only its job with every series there is. The
first run of each reads from disk. `--keep` keeps the filled folder for the next time. Last come onset and ranking
alone, on 1,000 made-up series of 120 points (`ranking_speed.py`); what log mining takes is printed by `logs.py`.
"""

import argparse
import asyncio
import json
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx2
import ranking_speed

from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.clock import SystemClock
from aiops_processor.evidence.asking import packs
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.gather import Gatherer
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import EvidenceReport, Outcome

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
STEP, POINTS = 30, 50
ONSET = START + timedelta(seconds=STEP * 40)
NOW = START + timedelta(seconds=STEP * (POINTS - 1))
NAMESPACES, SERVICES = 10, 20
SICK = ("shop-0", "service-7")
CODES, PATHS = ("200", "201", "404", "500"), ("/", "/cart", "/pay", "/list", "/item")
BUCKETS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf")
GAUGES = ("process_resident_memory_bytes", "go_goroutines", *(f"app_pool_{n}_in_use" for n in range(9)))
COUNTERS = ("process_cpu_seconds_total", *(f"app_jobs_{n}_done_total" for n in range(5)))
EACH = 1 + len(GAUGES) + len(COUNTERS) + len(PATHS) * (len(CODES) + len(BUCKETS) + 2)
"""Series of one pod."""
RULE = (
    'sum by (namespace, service) (rate(http_requests_total{code=~"5.."}[2m]))'
    " / sum by (namespace, service) (rate(http_requests_total[2m])) > 0.05"
)
ALERTS = {
    "namespace and service": {"namespace": SICK[0], "service": SICK[1]},
    "job alone": {"job": "kubernetes-pods"},
}


@dataclass(frozen=True)
class Cost:
    """What one gathering cost, and what it found. Processor seconds are ours, and those of Prometheus."""

    seconds: float
    cpu_seconds: float
    prometheus_cpu_seconds: float
    requests: int
    megabytes: float
    failed: int
    gaps: int
    findings: int
    first: str


@dataclass
class Counting(httpx2.AsyncBaseTransport):
    """The network, with a count of what goes through."""

    requests: int = 0
    octets: int = 0
    network: httpx2.AsyncHTTPTransport = field(default_factory=httpx2.AsyncHTTPTransport)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        response = await self.network.handle_async_request(request)
        content = await response.aread()
        self.octets += len(content)
        headers = [each for each in response.headers.raw if each[0].lower() != b"content-encoding"]
        return httpx2.Response(response.status_code, headers=headers, content=content)


def pods(series: int) -> Iterator[dict[str, str]]:
    for number in range(max(1, series // EACH)):
        namespace, service = f"shop-{number % NAMESPACES}", f"service-{number // NAMESPACES % SERVICES}"
        pod = f"{service}-7d9f8b6c5d-{number:05d}".replace("0", "z").replace("1", "x")
        yield {
            "job": "kubernetes-pods",
            "namespace": namespace,
            "service": service,
            "pod": pod,
            "instance": f"10.0.{number // 250}.{number % 250}:8080",
        }


def families(series: int) -> Iterator[tuple[str, str, Iterator[tuple[dict[str, str], float, float]]]]:
    """(name, type, (labels, value per step, the same once its service is sick)); gauges waver around theirs."""
    every = list(pods(series))
    yield "up", "gauge", (({**pod}, 1, 1) for pod in every)
    for name in GAUGES:
        yield name, "gauge", ((pod, 100, 100) for pod in every)
    for name in COUNTERS:
        yield name, "counter", ((pod, 3, 3) for pod in every)
    requests = (({**p, "code": c, "path": path}, *_rate(c)) for p in every for path in PATHS for c in CODES)
    yield "http_requests_total", "counter", requests
    places = [{**pod, "path": path} for pod in every for path in PATHS]
    buckets = (({**place, "le": le}, *_bucket(n)) for place in places for n, le in enumerate(BUCKETS))
    yield "http_request_duration_seconds_bucket", "counter", buckets
    yield "http_request_duration_seconds_sum", "counter", ((place, 3, 30) for place in places)
    yield "http_request_duration_seconds_count", "counter", ((place, 65, 65) for place in places)


def _rate(code: str) -> tuple[float, float]:
    return {"200": (50, 30), "201": (10, 10), "404": (5, 5)}.get(code, (0.1, 20))


def _bucket(number: int) -> tuple[float, float]:
    return min(65, 20 * (number + 1)), min(65, 6 * (number + 1))


def write(path: Path, series: int) -> int:
    """The samples as OpenMetrics, whose counters all end in _total here; the number of series."""
    began, onset, count = START.timestamp(), ONSET.timestamp(), 0
    times = [int(began) + STEP * point for point in range(POINTS)]
    with path.open("w") as out:
        for name, kind, found in families(series):
            out.write(f"# TYPE {name} unknown\n")  # a type would demand suffixes; Prometheus does not keep it
            for labels, usual, sick in found:
                shown = ",".join(f'{key}="{value}"' for key, value in labels.items())
                ill = (labels["namespace"], labels["service"]) == SICK
                value, lines = 0.0, []
                for at in times:
                    step = (sick if ill and at >= onset else usual) * (1 + (hash((count, at)) % 100) / 500)
                    value = value + step if kind == "counter" else step
                    lines.append(f"{name}{{{shown}}} {value:.6g} {at}\n")
                out.writelines(lines)
                count += 1
        out.write("# EOF\n")
    return count


def fill(folder: Path, series: int) -> int:
    """Blocks in `folder`, made by promtool; the number of series."""
    with tempfile.TemporaryDirectory() as temporary:
        text = Path(temporary) / "samples.txt"
        count = write(text, series)
        command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return count


@contextmanager
def prometheus(data: Path, folder: Path) -> Iterator[str]:
    """A Prometheus on these blocks: its address."""
    configuration = folder / "prometheus.yml"
    configuration.write_text("global: {}\n")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    command = [program("prometheus"), f"--config.file={configuration}", f"--storage.tsdb.path={data}"]
    command += ["--storage.tsdb.retention.time=100y", f"--web.listen-address={address}", "--log.level=error"]
    process = subprocess.Popen(command)
    try:
        _wait(f"http://{address}/-/ready")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise SystemExit(f"{name} is not installed: it comes with Prometheus")
    return path


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            if httpx2.get(url).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("Prometheus did not start")


async def gather(url: str, labels: Mapping[str, str]) -> tuple[Cost, EvidenceReport]:
    alert = Alert(
        status="firing",
        labels={"alertname": "HighErrorRate", "severity": "critical", **labels},
        starts_at=ONSET + timedelta(minutes=2),
        generator_url=f"{url}/graph?g0.expr={quote(RULE)}&g0.tab=1",
    )
    counted = Counting()
    client = Prometheus(Endpoint(url=url), counted)
    try:
        gatherer = Gatherer(client, None, packs.built_in(), Limits(), SystemClock())
        theirs, own, began = processor_seconds(url), time.process_time(), time.perf_counter()
        report = await gatherer.gather([alert], NOW)
        seconds = time.perf_counter() - began, time.process_time() - own, processor_seconds(url) - theirs
    finally:
        await client.aclose()
    return _cost(seconds, counted, report), report


def processor_seconds(url: str) -> float:
    """What Prometheus says it has used: where others use the machine, too, this compares and the clock does not."""
    lines = httpx2.get(f"{url}/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("process_cpu_seconds_total "))


def _cost(seconds: tuple[float, float, float], counted: Counting, report: EvidenceReport) -> Cost:
    return Cost(
        seconds=round(seconds[0], 3),
        cpu_seconds=round(seconds[1], 3),
        prometheus_cpu_seconds=round(seconds[2], 3),
        requests=counted.requests,
        megabytes=round(counted.octets / 1e6, 2),
        failed=sum(each.outcome is Outcome.FAILED for each in report.reads),
        gaps=sum(each.source == "prometheus" for each in report.gaps),
        findings=len(report.findings),
        first=report.findings[0].entity if report.findings else "",
    )


def measure(series: int, runs: int, keep: Path | None) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as temporary:
        data = keep or Path(temporary) / "data"
        began = time.perf_counter()
        count = 0 if data.is_dir() else fill(data, series)
        filled = time.perf_counter() - began
        with prometheus(data, Path(temporary)) as url:
            found = {
                name: [asyncio.run(gather(url, labels))[0] for _ in range(runs)] for name, labels in ALERTS.items()
            }
    return {
        "series": count or series,
        "fill_seconds": round(filled, 1),
        "alerts": {name: _summary(costs) for name, costs in found.items()},
    }


def _summary(costs: list[Cost]) -> dict[str, object]:
    timed = ("seconds", "cpu_seconds", "prometheus_cpu_seconds")
    usual = {name: statistics.median(getattr(cost, name) for cost in costs) for name in timed}
    return {**asdict(costs[-1]), **usual, "first_seconds": costs[0].seconds}


def _short(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    found = measure(args.series, args.runs, args.keep)
    arithmetic = ranking_speed.measure(series=1000, points=120)
    if args.json:
        print(json.dumps(found | {"arithmetic_ms": arithmetic}))
        return
    print(f"{found['series']} series of {POINTS} samples, filled in {found['fill_seconds']} s")
    columns = ("seconds", "first_seconds", "cpu_seconds", "prometheus_cpu_seconds", "requests", "megabytes")
    columns += ("failed", "gaps", "findings", "first    ")
    print(f"{'alert':24}" + "".join(f"{name:>{len(name) + 2}}" for name in columns))
    for name, cost in found["alerts"].items():  # type: ignore[attr-defined]
        print(f"{name:24}" + "".join(f"{_short(cost[name.strip()]):>{len(name) + 2}}" for name in columns))
    print("1000 series of 120 points, in memory")
    for name, milliseconds in arithmetic.items():
        print(f"{name:24}{milliseconds:9.1f} ms")


if __name__ == "__main__":
    main()
