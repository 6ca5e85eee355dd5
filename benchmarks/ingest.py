"""How fast are alerts taken, and is every one that was answered 200 really there?

    python benchmarks/ingest.py [--json] [--seconds 5] [--connections 64]

The service runs in a process of its own, the load in this one. Every alert has a fingerprint of its own. Afterwards
the service is killed with -9, and a second connection counts the rows: it fails unless they equal what was accepted.
`without_storage` is the same application with the same parsing and no database behind it: what HTTP alone costs.
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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

BATCH = 100
SETTLE_SECONDS = "3600"  # nothing is analysed meanwhile: this measures receiving alone

BARE = """
import sys, uvicorn
from fastapi import FastAPI, Request, Response
from aiops_processor.services.webhook_body import take_apart, judge
from datetime import datetime, UTC
app = FastAPI()
@app.post("/webhook/alerts")
async def post(request: Request):
    parts = take_apart(await request.body())
    taken = list(judge(parts.alerts, 0, datetime.now(UTC)))
    return Response(b'{"status": "ok", "processed": %d}' % len(taken), media_type="application/json")
@app.get("/health/ready")
async def ready(): return {}
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
"""


@dataclass
class Load:
    """What one round of posting came to; times in seconds."""

    accepted: int = 0
    refused: int = 0
    times: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def figures(self, per_post: int, name: str) -> dict[str, float]:
        return {
            name: round(self.accepted * per_post / self.seconds),
            "p50_ms": round(statistics.median(self.times) * 1000, 1),
            "p99_ms": round(sorted(self.times)[int(len(self.times) * 0.99)] * 1000, 1),
            "refused": self.refused,
        }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--connections", type=int, default=64)
    options = arguments.parse_args()
    with bare() as (port, _):
        single = asyncio.run(load(port, options.connections, options.seconds, 1))
        figures = {"without_storage": {"single": single.figures(1, "posts_per_s")}}
    figures["sqlite"] = sqlite(options.connections, options.seconds)
    share = figures["sqlite"]["single"]["posts_per_s"] / figures["without_storage"]["single"]["posts_per_s"]
    figures["sqlite"]["single"]["share_of_bare"] = round(share, 2)
    if options.json:
        print(json.dumps(figures))
        return
    for database, kinds in figures.items():
        for kind, row in kinds.items():
            print(f"{database:<16} {kind:<7} " + "  ".join(f"{name} {value}" for name, value in row.items()))


def sqlite(connections: int, seconds: float) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder, service({"AIOPS_DATA_DIR": folder}) as (port, process):
        single = asyncio.run(load(port, connections, seconds, 1))
        batch = asyncio.run(load(port, 8, seconds, BATCH))
        memory = peak_memory(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        accepted = single.accepted + batch.accepted * BATCH
        with contextlib.closing(sqlite3.connect(Path(folder) / "aiops.sqlite")) as connection:
            (stored,) = connection.execute("SELECT count(*) FROM episodes").fetchone()
    if stored != accepted:
        sys.exit(f"accepted {accepted} alerts, stored {stored}")
    return {
        "single": single.figures(1, "posts_per_s"),
        "batch": {**batch.figures(BATCH, "alerts_per_s"), "alerts": accepted, "peak_memory_mib": memory},
    }


async def load(port: int, connections: int, seconds: float, per_post: int) -> Load:
    """Post without a pause on so many connections; each waits for its answer before the next post."""
    result, began = Load(), time.perf_counter()
    deadline = began + seconds
    await asyncio.gather(*(poster(port, f"{per_post}-{n}", deadline, per_post, result) for n in range(connections)))
    result.seconds = time.perf_counter() - began
    return result


async def poster(port: int, name: str, deadline: float, per_post: int, result: Load) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = 0
    while time.perf_counter() < deadline:
        content = body(f"{name}-{number}", per_post)
        head = f"POST /webhook/alerts HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n"
        began = time.perf_counter()
        writer.write(head.encode() + content)
        status = await answer(reader)
        result.times.append(time.perf_counter() - began)
        result.accepted += status == 200
        result.refused += status != 200
        number += 1
    writer.close()


def body(name: str, alerts: int) -> bytes:
    """As Alertmanager writes it; its own encoder would be the bottleneck of this client."""
    one = (
        '{"status":"firing","labels":{"alertname":"HighErrorRate","severity":"critical","service":"checkout",'
        '"namespace":"shop","pod":"%s"},"annotations":{"summary":"checkout error rate is 44 %%","description":"More'
        ' than 5 %% of requests failed"},"startsAt":"2026-01-31T12:00:00Z","endsAt":"0001-01-01T00:00:00Z",'
        '"generatorURL":"http://prometheus:9090/graph?g0.expr=up&g0.tab=1"}'
    )
    listed = ",".join(one % f"{name}-{n}" for n in range(alerts))
    return f'{{"version":"4","receiver":"aiops","status":"firing","groupKey":"g","alerts":[{listed}]}}'.encode()


async def answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


@contextlib.contextmanager
def service(settings: dict[str, str]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "AIOPS_SETTLE_SECONDS": SETTLE_SECONDS, "LOG_LEVEL": "error"}
    environment |= {"AIOPS_SETTLE_MAX_SECONDS": SETTLE_SECONDS, **settings}
    with running([sys.executable, "-m", "aiops_processor", "serve", "--port", str(port)], environment, port) as process:
        yield port, process


@contextlib.contextmanager
def bare() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    with running([sys.executable, "-c", BARE, str(port)], {"PATH": os.environ["PATH"]}, port) as process:
        yield port, process


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


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


if __name__ == "__main__":
    main()
