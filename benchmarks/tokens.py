"""How long are the prompts of recorded incidents, and what do they cost at DeepSeek's list price?

    python benchmarks/tokens.py RECORDINGS [--tools] [--always] [--json]

Gathers the evidence of each recording ten seconds after its first alert, as the service does, and has a scripted model
explain it. Nothing is sent. Tokens are our estimate (bytes / 3, which is high for English); an answer is counted as
long as it may be (LLM_MAX_TOKENS), so the cost is a ceiling: at peak hours, nothing from the provider's cache.

Without `--tools` it is one question. With it the model asks for as many queries as it may (LLM_TOOL_CALLS, in as many
rounds as LLM_TOOL_ROUNDS): those of the strongest findings, whose answers are the longest. What it writes to ask for
them is counted as it is. `--always` offers tools where LLM_ALERT_USD would not.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiops_processor import parts
from aiops_processor.clock import ReplayClock
from aiops_processor.config import load
from aiops_processor.demo.recording import Recording
from aiops_processor.demo.replay import Replay
from aiops_processor.llm.lineup import Candidate, Lineup, Price
from aiops_processor.llm.prompt import Prompt
from aiops_processor.llm.told import size_of
from aiops_processor.models.alert import Alert, Webhook
from aiops_processor.models.analysis import Exchange
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.plugins import Answer, Call, Tool
from aiops_processor.settings import Settings, SourceSettings

MODEL = "deepseek-v4-pro"
SETTLED = timedelta(seconds=10)


@dataclass(frozen=True)
class Row:
    name: str
    alerts: int
    findings: int
    questions: int
    queries: int
    tokens: int
    largest: int
    most_usd: float
    usd_an_alert: float


class Asks:
    """A model that asks for what the strongest findings were found with, as often as it may, before it answers."""

    name = "scripted"
    prompt_tokens: int | None = None
    calls_tools = True

    def __init__(self, report: EvidenceReport, calls: int, longest: int) -> None:
        self._wishes = tuple(wishes(report))[:calls]
        self._longest = longest

    async def ask(self, system: str, question: str) -> Answer:
        return await self.ask_with(system, question, ())

    async def ask_with(self, system: str, question: str, tools: Sequence[Tool]) -> Answer:
        read = Prompt(system, question).tokens + size_of(tools)
        if tools:
            written = sum(len(call.model_dump_json()) for call in self._wishes)
            return Answer(
                text="", model=self.name, input_tokens=read, output_tokens=-(-written // 3), calls=self._wishes
            )
        said = json.dumps({"summary": "what the model says", "outcome": "inconclusive"})
        return Answer(text=said, model=self.name, input_tokens=read, output_tokens=self._longest)

    async def aclose(self) -> None:
        """Nothing is held open."""


def wishes(report: EvidenceReport) -> list[Call]:
    """A query for each of the strongest findings."""
    tools = {"metric": "query_prometheus", "log": "query_loki", "alert": "query_prometheus"}
    found = dict.fromkeys(
        (tools[item.kind], item.query) for item in report.findings if item.query and item.kind in tools
    )
    return [Call(tool=tool, arguments=json.dumps({"query": query})) for tool, query in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--tools", action="store_true")
    parser.add_argument("--always", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    folders = [path.parent for path in sorted(args.recordings.glob("*/webhooks.jsonl"))]
    measured = (asyncio.run(measure(folder, tools=args.tools, always=args.always)) for folder in folders)
    rows = [row for row in measured if row]
    if args.json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    print(f"{'recording':20}{'alerts':>7}{'findings':>9}{'questions':>10}{'queries':>8}", end="")
    print(f"{'tokens':>8}{'largest':>8}{'at most $':>11}{'$ an alert':>12}")
    for row in rows:
        print(f"{row.name:20}{row.alerts:7}{row.findings:9}{row.questions:10}{row.queries:8}", end="")
        print(f"{row.tokens:8}{row.largest:8}{row.most_usd:11.4f}{row.usd_an_alert:12.4f}")
    alerts, usd = sum(row.alerts for row in rows), sum(row.most_usd for row in rows)
    dearest, largest = max(row.usd_an_alert for row in rows), max(row.largest for row in rows)
    print(f"all: ${usd / alerts:.4f} an alert, ${dearest:.4f} at most; a prompt has {largest} tokens at most")


async def measure(folder: Path, *, tools: bool, always: bool) -> Row | None:
    recording = Recording.load(folder)
    alerts, now = first_alerts(recording)
    if not alerts:
        return None
    clock = ReplayClock(now, speed=0.001)
    async with Replay(recording, clock).servers() as urls:
        settings = load().model_copy(
            update={"prometheus": SourceSettings(url=urls.prometheus), "loki": SourceSettings(url=urls.loki)}
        )
        if always:
            settings = settings.model_copy(update={"llm": settings.llm.model_copy(update={"alert_usd": None})})
        sources = parts.Sources.of(settings)
        report = await parts.gatherer(settings, sources, clock).gather(alerts, now)
        asked, found = await explained(settings, sources, clock, alerts, report, tools=tools)
        await sources.aclose()
    usd = sum(each.cost_usd or 0.0 for each in asked)
    return Row(
        name=folder.name,
        alerts=len(alerts),
        findings=len(report.findings),
        questions=len(asked),
        queries=len(found.reads) - len(report.reads),
        tokens=sum(each.input_tokens for each in asked),
        largest=max(each.input_tokens for each in asked),
        most_usd=round(usd, 5),
        usd_an_alert=round(usd / len(alerts), 5),
    )


async def explained(
    settings: Settings,
    sources: parts.Sources,
    clock: ReplayClock,
    alerts: list[Alert],
    report: EvidenceReport,
    *,
    tools: bool,
) -> tuple[list[Exchange], EvidenceReport]:
    """What was asked, with our count of its tokens, and the evidence with what the model's queries found."""
    llm = settings.llm
    model = Asks(report, llm.tool_calls, llm.max_tokens)
    price = Price(**llm.prices[MODEL].model_dump())
    candidate = Candidate(model, price=price, answer_tokens=llm.max_tokens, tools=tools)
    explainer = parts.explainer(settings, Lineup([candidate]), clock, parts.toolbox(settings, sources))
    assert explainer
    asked, reports = list[Exchange](), [report]
    await explainer.explain(alerts, report, asked.append, found=reports.append)
    return asked, reports[-1]


def first_alerts(recording: Recording) -> tuple[list[Alert], datetime]:
    """What Alertmanager had told when the first incident settled, without the alert that always fires."""
    posted = [(each.received_at, Webhook.model_validate(each.body)) for each in recording.webhooks]
    telling = [at for at, webhook in posted if any(alert.name != "Watchdog" for alert in webhook.alerts)]
    if not telling:
        return [], datetime.now(UTC)
    now = datetime.fromtimestamp(min(telling), UTC) + SETTLED
    known = {alert.fingerprint: alert for at, webhook in posted if at <= now.timestamp() for alert in webhook.alerts}
    return [alert for alert in known.values() if alert.name != "Watchdog"], now


if __name__ == "__main__":
    main()
