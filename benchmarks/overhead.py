"""Where does the time of one analysed incident go, beside the model's own?

    python benchmarks/overhead.py RECORDINGS [--json] [--runs 5] [--profile]

Posts what Alertmanager had told ten seconds after the first alert of each recording, and takes the incident through
every step of the service, with its own SQLite file and a model that answers at once. The first run asks the replayed
Prometheus and Loki; `queries` is how long at least one of their answers was waited for. All others get the same answers
from memory, so that what is left is our own work:

- evidence: planning, decoding, comparing, ranking, with no answer cached from another incident (trees of queries are);
- mask: secrets in evidence and alerts, nothing remembered; prompt, verify: as they are named;
- store: receiving, grouping, every commit, the outbox, and all else.

These are milliseconds that a processor worked, `cpu` is their sum; `ours` is how long all of it took, with the commits
to the disk and, on a machine with other work, the waiting for a core: so the load is told beside. Medians of the runs;
`least` is the run that had to wait the least.
`--profile` prints where it goes.
"""

import argparse
import asyncio
import cProfile
import gc
import json
import os
import pstats
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import sqlalchemy as sa
from tokens import first_alerts

from aiops_processor import parts
from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.loki import Loki
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.clock import ReplayClock
from aiops_processor.config import load
from aiops_processor.demo.recording import Recording
from aiops_processor.demo.replay import Replay
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Candidate, Lineup
from aiops_processor.llm.prompt import Prompt, Prompts
from aiops_processor.llm.verification.sentences import take_apart
from aiops_processor.masking import Mask
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.plugins import Answer
from aiops_processor.services.analysing.analysis import Analysis
from aiops_processor.services.analysing.analyzer import Analyzer
from aiops_processor.services.grouping.incidents import Incidents, Settling
from aiops_processor.services.receiving.ingest import Ingest
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage.address import sqlite_url
from aiops_processor.storage.database import Database
from aiops_processor.storage.migrate import migrate
from aiops_processor.storage.tables import metadata
from aiops_processor.telemetry import Metrics

CLAIMS = 8
STAGES = ("evidence", "mask", "prompt", "verify", "store")


@dataclass
class Watch:
    """Processor seconds by stage; what is nested counts for the inner stage alone. `took` is the time that all took."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    took: float = 0.0

    @contextmanager
    def on(self, stage: str) -> Iterator[None]:
        began, before = time.process_time(), sum(self.seconds.values())
        yield
        inner = sum(self.seconds.values()) - before
        self.seconds[stage] += time.process_time() - began - inner


@dataclass
class Remembering(httpx2.AsyncBaseTransport):
    """The network the first time, memory from then on; `waited` is how long some answer was under way."""

    network: httpx2.AsyncHTTPTransport = field(default_factory=httpx2.AsyncHTTPTransport)
    answers: dict[tuple[str, str, bytes], tuple[int, list[tuple[bytes, bytes]], bytes]] = field(default_factory=dict)
    waited: float = 0.0
    missed: int = 0
    _under_way: int = 0
    _since: float = 0.0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        key = (request.method, str(request.url), await request.aread())
        if key not in self.answers:
            self.missed += 1
            self.answers[key] = await self._asked(request)
        status, headers, content = self.answers[key]
        return httpx2.Response(status, headers=headers, content=content)

    async def _asked(self, request: httpx2.Request) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        self._since = self._since if self._under_way else time.perf_counter()
        self._under_way += 1
        response = await self.network.handle_async_request(request)
        content = await response.aread()
        self._under_way -= 1
        self.waited += 0 if self._under_way else time.perf_counter() - self._since
        headers = [each for each in response.headers.raw if each[0].lower() != b"content-encoding"]
        return response.status_code, headers, content


class Instant:
    """A model that answers at once: with what the strongest findings say, as a careful one would."""

    name = "instant"
    prompt_tokens: int | None = None

    def __init__(self) -> None:
        self.report: EvidenceReport | None = None

    async def ask(self, system: str, question: str) -> Answer:
        del system, question
        found = self.report.findings[:CLAIMS] if self.report else ()
        said = {
            "summary": " ".join(f"{each.statement}." for each in found[:3]),
            "root_cause": f"{found[0].statement} [{found[0].id}]." if found else "",
            "outcome": "found",
            "confidence": 0.8,
            "hypotheses": [{"cause": each.statement, "supports": [each.id]} for each in found[:2]],
            "evidence": [{"id": each.id, "statement": each.statement} for each in found],
            "remediation_steps": [
                {"priority": 1, "action": "Look at the newest change", "command": "kubectl get pods"}
            ],
            "severity_assessment": "Users see errors.",
            "affected": [each.entity for each in found],
        }
        return Answer(text=json.dumps(said), model=self.name, input_tokens=1, output_tokens=1)

    async def aclose(self) -> None:
        """Nothing is held open."""


class TimedMask(Mask):
    """A mask on the watch."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def model(self, made: Any) -> Any:
        with self._watch.on("mask"):
            return super().model(made)


class TimedPrompts(Prompts):
    """Prompts on the watch."""

    watch: Watch

    def build(self, *args: Any, **options: Any) -> Prompt:
        with self.watch.on("prompt"):
            return super().build(*args, **options)


class TimedExplainer(Explainer):
    """An explainer whose check is on the watch."""

    watch: Watch

    def _result(self, *args: Any, **options: Any) -> Any:
        with self.watch.on("verify"):
            return super()._result(*args, **options)


@dataclass(frozen=True)
class TimedGatherer:
    """The evidence engine on the watch; tells the model what it found."""

    inner: Any
    watch: Watch
    model: Instant

    async def gather(self, alerts: Sequence[Alert], now: Any) -> EvidenceReport:
        with self.watch.on("evidence"):
            self.model.report = await self.inner.gather(alerts, now)
        return self.model.report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    folders = [path.parent for path in sorted(args.recordings.glob("*/webhooks.jsonl"))]
    profile = cProfile.Profile() if args.profile else None
    rows = [row for folder in folders if (row := asyncio.run(measure(folder, args.runs, profile)))]
    load_average = os.getloadavg()[0]
    if args.json:
        print(json.dumps({"load": load_average, "cores": os.cpu_count(), "incidents": rows}))
        return
    names = ("alerts", "queries", *STAGES, "cpu", "ours", "least")
    print(f"{'recording':20}" + "".join(f"{name:>10}" for name in names))
    for row in rows:
        print(f"{row['recording']:20}{row['alerts']:10}" + "".join(f"{row[name]:10.1f}" for name in names[1:]))
    cpu, ours, least = (max(row[name] for row in rows) for name in ("cpu", "ours", "least"))
    busy = f"load {load_average:.1f} on {os.cpu_count()} cores"
    print(f"ms, at most: cpu {cpu:.0f}, ours {ours:.0f}, least {least:.0f}; {busy}")
    if profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


async def measure(folder: Path, runs: int, profile: cProfile.Profile | None) -> dict[str, Any] | None:
    recording = Recording.load(folder)
    alerts, now = first_alerts(recording)
    if not alerts:
        return None
    clock, network = ReplayClock(now, speed=0.0), Remembering()
    prompts = TimedPrompts()
    async with Replay(recording, clock).servers() as urls, store() as database:
        sources = parts.Sources(
            Prometheus(Endpoint(url=urls.prometheus), network), Loki(Endpoint(url=urls.loki), network), None
        )
        await incident(database, sources, alerts, clock, prompts)  # asks the servers, and loads what is loaded late
        network.missed = 0
        gc.collect()
        gc.freeze()  # as the service does at its start: nobody looks for garbage in what is there for good
        if profile:
            profile.enable()
        watches = [await incident(database, sources, alerts, clock, prompts) for _ in range(runs)]
        if profile:
            profile.disable()
        await sources.aclose()
    assert not network.missed, "every run asks the same"
    stages = {stage: statistics.median(watch.seconds[stage] for watch in watches) * 1e3 for stage in STAGES}
    cpu = statistics.median(sum(watch.seconds.values()) for watch in watches) * 1e3
    ours = statistics.median(watch.took for watch in watches) * 1e3
    told = {"recording": folder.name, "alerts": len(alerts), "queries": network.waited * 1e3}
    return {**told, **stages, "cpu": cpu, "ours": ours, "least": min(watch.took for watch in watches) * 1e3}


async def incident(
    database: Database,
    sources: parts.Sources,
    alerts: Sequence[Alert],
    clock: ReplayClock,
    prompts: TimedPrompts,
) -> Watch:
    """One incident from its webhook to its outbox. Its sentences were never seen before; its templates were."""
    watch, model, settings, metrics = Watch(), Instant(), load(), Metrics()
    take_apart.cache_clear()
    mask = TimedMask(watch)
    prompts.watch = watch
    explainer = TimedExplainer(Lineup([Candidate(model)]), clock, prompts)
    explainer.watch = watch
    gatherer = TimedGatherer(parts.gatherer(settings, sources, clock), watch, model)
    analysis = Analysis(database, Analyzer(gatherer, explainer, clock, metrics, mask), clock, ["log"], metrics)
    ingest = Ingest(database, clock, metrics, lambda: None)
    writer = asyncio.create_task(ingest.run())
    began = time.perf_counter()
    with watch.on("store"):
        await ingest.receive(webhook(alerts), "default")
        await Incidents(database, clock, ["log"], Settling(10, 30)).group()
        async with database.read() as connection:
            first, *_ = await incident_rows.recent(connection, 100)
        await analysis.begin(first.id, first.generation)
        await analysis.gather(first.id, first.generation)
        await analysis.explain(first.id, first.generation)
        await analysis.tell(first.id, first.generation)
    watch.took = time.perf_counter() - began
    async with database.write() as connection:
        assert await incident_rows.latest_analysis(connection, first.id), "it was analysed"
        for table in reversed(metadata.sorted_tables):
            await connection.execute(sa.delete(table))
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)
    return watch


@asynccontextmanager
async def store() -> AsyncIterator[Database]:
    """A store that has been open for a while, emptied after each incident."""
    with tempfile.TemporaryDirectory() as folder:
        url = sa.make_url(sqlite_url(Path(folder)))
        await asyncio.to_thread(migrate, url)
        database = Database(url)
        try:
            yield database
        finally:
            await database.close()


def webhook(alerts: Sequence[Alert]) -> bytes:
    """All of them in one post, so that they are one incident."""
    told = [alert.model_dump(mode="json", by_alias=True) for alert in alerts]
    return json.dumps(
        {"version": "4", "receiver": "aiops", "status": "firing", "groupKey": "g", "alerts": told}
    ).encode()


if __name__ == "__main__":
    main()
