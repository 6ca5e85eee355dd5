"""A storm: many incidents at once. How long until everybody knows, and what does it cost?

    python benchmarks/storm.py [--json] [--incidents 100] [--model-seconds 2]

Starts the service as a process, with a peer that plays Prometheus, Loki, a slow model and the channel; 16 calls of the
model run at once. `told_all_s` is the time from the first post to the last explained notification, with the 1 s that
incidents settle.
"""

import argparse
import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

import httpx2
from peer import Peer, cpu_seconds, service

from aiops_processor.demo.serve import serve

SETTLE_SECONDS = 1.0
LONGEST = 300


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--incidents", type=int, default=100)
    arguments.add_argument("--model-seconds", type=float, default=2)
    options = arguments.parse_args()
    peer = Peer(options.model_seconds)
    async with serve(peer.app) as url, service(url, SETTLE_SECONDS) as (base, pid):
        await storm(peer, base, 1)  # what is loaded late is loaded
        peer.asked.clear()
        used = cpu_seconds(pid)
        figures = await storm(peer, base, options.incidents)
        figures["cpu_s_per_incident"] = (cpu_seconds(pid) - used) / options.incidents
    figures |= {"model_calls": peer.asked["model"], "queries": peer.asked["query"]}
    if options.json:
        print(json.dumps({name: round(value, 3) for name, value in figures.items()}))
        return
    for name, value in figures.items():
        print(f"{name:<20}{value:>10.3f}")


async def storm(peer: Peer, base: str, incidents: int) -> dict[str, float]:
    """Post so many alerts that have nothing in common, and wait until each was told of twice, and no more often."""
    began = time.monotonic()
    async with httpx2.AsyncClient(base_url=base) as client:
        for number in range(incidents):
            (await client.post("/webhook/alerts", json=webhook(f"{incidents}-{number}"))).raise_for_status()
    posted = time.monotonic() - began
    at: dict[str, list[float]] = {"opened": [], "analysed": []}
    async with asyncio.timeout(LONGEST):
        while len(at["analysed"]) < incidents:
            when, message = await peer.told.get()
            at[message["event"]].append(when - began)
    if len(at["opened"]) != incidents:
        sys.exit(f"{incidents} incidents, {len(at['opened'])} first messages")
    last = sorted(at["analysed"])
    return {
        "posted_s": posted,
        "opened_all_s": max(at["opened"]),
        "told_half_s": last[len(last) // 2],
        "told_all_s": last[-1],
    }


def webhook(name: str) -> dict[str, Any]:
    alert = {
        "status": "firing",
        "labels": {"alertname": f"HighErrorRate{name}", "service": f"shop-{name}", "severity": "critical"},
        "startsAt": datetime.now(UTC).isoformat(),
        "generatorURL": "http://p/graph?g0.expr=sum+by+%28service%29+%28rate%28http_requests_total%5B1m%5D%29%29+%3E+5",
    }
    return {"version": "4", "groupKey": f"g{name}", "receiver": "aiops", "alerts": [alert]}


if __name__ == "__main__":
    asyncio.run(main())
