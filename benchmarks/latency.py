"""How long from an alert to its explained notification, and how much work is it? The model answers at once.

    python benchmarks/latency.py [--json] [--runs 5]

Starts the service as a process, with a peer that plays Prometheus, Loki, the model and the channel. `beyond_settle_s`
is the time from the webhook's answer to the explained notification, less the time that an incident settles.
"""

import argparse
import asyncio
import json
import statistics
import time
from datetime import UTC, datetime
from typing import Any

import httpx2
from peer import Peer, cpu_seconds, service

from aiops_processor.demo.serve import serve

SETTLE_SECONDS = 1.0


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--runs", type=int, default=5)
    options = arguments.parse_args()
    peer = Peer()
    async with serve(peer.app) as url, service(url, SETTLE_SECONDS) as (base, pid):
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
            at, message = await peer.told.get()
            times[message["event"]] = at
    return {
        "answer_s": answered - began,
        "opened_s": times["opened"] - answered,
        "beyond_settle_s": times["analysed"] - answered - SETTLE_SECONDS,
        "cpu_s": cpu_seconds(pid) - cpu,
    }


def webhook(number: int) -> dict[str, Any]:
    alert = {
        "status": "firing",
        "labels": {"alertname": f"HighErrorRate{number}", "service": f"shop-{number}", "severity": "critical"},
        "startsAt": datetime.now(UTC).isoformat(),
        "generatorURL": "http://p/graph?g0.expr=sum+by+%28service%29+%28rate%28http_requests_total%5B1m%5D%29%29+%3E+5",
    }
    return {"version": "4", "groupKey": f"g{number}", "receiver": "aiops", "alerts": [alert]}


if __name__ == "__main__":
    asyncio.run(main())
