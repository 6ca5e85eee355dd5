"""How long from an alert to its explained notification, and how much work is it? The model answers at once.

    python benchmarks/latency.py [--json] [--runs 5]

Starts the service as a process, with a peer that plays Prometheus, Loki, the model and the channel. `beyond_settle_s`
is the time from the webhook's answer to the explained notification, less the time that an incident settles.
"""

import argparse
import asyncio
import contextlib
import json
import math
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from aiops_processor.demo.serve import serve

SETTLE_SECONDS = 1.0
SERIES = 20


class Peer:
    """Everything around the service; `told` gets the time of each notification by its event."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
        everything = Route("/{path:path}", self.answer, methods=["GET", "POST"])
        self.app = Starlette(routes=[everything])

    async def answer(self, request: Request) -> JSONResponse:
        path = request.path_params["path"]
        if path == "hook":
            self.told.put_nowait((time.monotonic(), (await request.json())["event"]))
            return JSONResponse({})
        if path.endswith("chat/completions"):
            return JSONResponse(completion())
        parameters = {**request.query_params, **dict(parse_qsl((await request.body()).decode()))}
        return JSONResponse({"status": "success", "data": data(path, parameters)})


def data(path: str, parameters: dict[str, str]) -> Any:
    labels = [{"__name__": "http_requests_total", "service": "checkout", "pod": f"p{i}"} for i in range(SERIES)]
    if path.endswith("api/v1/query"):
        at = float(parameters.get("time") or time.time())
        points = [[at - 900 + 15 * k, str(100 + 10 * k + 5 * math.sin(k))] for k in range(60)]
        return {"resultType": "matrix", "result": [{"metric": each, "values": points} for each in labels]}
    if path.endswith("query_range"):
        result_type = "streams" if path.startswith("loki") else "matrix"
        return {"resultType": result_type, "result": []}
    if path.endswith("series"):
        return [{"service": "checkout"}] if path.startswith("loki") else labels
    if path.endswith("rules"):
        return {"groups": []}
    if path.endswith("metadata"):
        return {"http_requests_total": [{"type": "counter", "help": "", "unit": ""}]}
    return ["service"] if path.endswith("labels") else []


def completion() -> dict[str, Any]:
    analysis = {"summary": "s", "root_cause": "r", "outcome": "inconclusive", "confidence": 0.3, "evidence": []}
    message = {"role": "assistant", "content": json.dumps(analysis)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--runs", type=int, default=5)
    options = arguments.parse_args()
    peer = Peer()
    async with serve(peer.app) as url, service(url) as (base, pid):
        await one_alert(peer, base, pid, 0)  # the first one loads what is loaded late
        runs = [await one_alert(peer, base, pid, number) for number in range(1, options.runs + 1)]
    figures = {name: round(statistics.median(run[name] for run in runs), 3) for name in runs[0]}
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<18}{value:>8}")


async def one_alert(peer: Peer, base: str, pid: int, number: int) -> dict[str, float]:
    cpu, began = cpu_seconds(pid), time.monotonic()
    async with httpx2.AsyncClient(base_url=base) as client:
        (await client.post("/webhook/alerts", json=webhook(number))).raise_for_status()
    answered = time.monotonic()
    times: dict[str, float] = {}
    async with asyncio.timeout(30):
        while "analysed" not in times:
            at, event = await peer.told.get()
            times[event] = at
    return {
        "answer_s": answered - began,
        "opened_s": times["opened"] - answered,
        "beyond_settle_s": times["analysed"] - answered - SETTLE_SECONDS,
        "cpu_s": cpu_seconds(pid) - cpu,
    }


def webhook(number: int) -> dict[str, Any]:
    alert = {
        "status": "firing",
        "labels": {"alertname": f"HighErrorRate{number}", "service": "checkout", "severity": "critical"},
        "startsAt": datetime.now(UTC).isoformat(),
        "generatorURL": "http://p/graph?g0.expr=sum+by+%28service%29+%28rate%28http_requests_total%5B1m%5D%29%29+%3E+5",
    }
    return {"version": "4", "groupKey": f"g{number}", "receiver": "aiops", "alerts": [alert]}


@contextlib.asynccontextmanager
async def service(peer: str) -> AsyncIterator[tuple[str, int]]:
    """The service as a process: its address and its process id."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "AIOPS_DATA_DIR": folder,
            "AIOPS_SETTLE_SECONDS": str(SETTLE_SECONDS),
            "PROMETHEUS_URL": peer,
            "LOKI_URL": peer,
            "DEEPSEEK_API_KEY": "sk-not-used",
            "LLM_BASE_URL": f"{peer}/v1",
            "GENERIC_WEBHOOK_URL": f"{peer}/hook",
        }
        command = [sys.executable, "-m", "aiops_processor", "serve", "--port", str(port)]
        log = await asyncio.to_thread((Path(folder) / "log").open, "wb")
        process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=log)
        base = f"http://127.0.0.1:{port}"
        try:
            await ready(base)
            yield base, process.pid
        finally:
            process.terminate()
            await process.wait()
            log.close()


async def ready(base: str) -> None:
    async with httpx2.AsyncClient(base_url=base) as client, asyncio.timeout(30):
        while True:
            with contextlib.suppress(httpx2.TransportError):
                if (await client.get("/health/ready")).status_code == 200:
                    return
            await asyncio.sleep(0.05)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    asyncio.run(main())
