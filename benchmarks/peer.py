"""What the benchmarks share: the service as a process, and a peer that plays everything around it."""

import asyncio
import contextlib
import json
import math
import os
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

SERIES = 20


class Peer:
    """Prometheus, Loki, the model and the channel. `told` gets each message with its time; `asked` counts requests."""

    def __init__(self, model_seconds: float = 0) -> None:
        self.told: asyncio.Queue[tuple[float, dict[str, Any]]] = asyncio.Queue()
        self.asked: Counter[str] = Counter()
        self._model_seconds = model_seconds
        everything = Route("/{path:path}", self.answer, methods=["GET", "POST"])
        self.app = Starlette(routes=[everything])

    async def answer(self, request: Request) -> JSONResponse:
        path = request.path_params["path"]
        if path == "hook":
            self.told.put_nowait((time.monotonic(), await request.json()))
            return JSONResponse({})
        if path.endswith("chat/completions"):
            self.asked["model"] += 1
            await asyncio.sleep(self._model_seconds)
            return JSONResponse(completion())
        self.asked["query"] += 1
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
    analysis = {
        "summary": "Checkout fails.",
        "root_cause": "It is not clear why.",
        "outcome": "inconclusive",
        "confidence": 0.3,
        "evidence": [],
    }
    message = {"role": "assistant", "content": json.dumps(analysis)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


@contextlib.asynccontextmanager
async def service(peer: str, settle_seconds: float) -> AsyncIterator[tuple[str, int]]:
    """The service as a process: its address and its process id."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "AIOPS_DATA_DIR": folder,
            "AIOPS_SETTLE_SECONDS": str(settle_seconds),
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
