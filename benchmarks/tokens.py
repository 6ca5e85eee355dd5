"""How long are the prompts of recorded incidents, and what do they cost at DeepSeek's list price?

    python benchmarks/tokens.py RECORDINGS [--json]

Gathers the evidence of each recording ten seconds after its first alert, as the service does, and builds the prompt.
Nothing is sent. Tokens are our estimate (bytes / 3, which is high for English); an answer is counted as long as it may
be (LLM_MAX_TOKENS), so the cost is a ceiling: one question, at peak hours, nothing from the provider's cache.
"""

import argparse
import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiops_processor import parts
from aiops_processor.clock import ReplayClock
from aiops_processor.config import load
from aiops_processor.demo.recording import Recording
from aiops_processor.demo.replay import Replay
from aiops_processor.llm.prompt import Prompts
from aiops_processor.models.alert import Alert, Webhook
from aiops_processor.settings import SourceSettings

MODEL = "deepseek-v4-pro"
SETTLED = timedelta(seconds=10)


@dataclass(frozen=True)
class Row:
    name: str
    alerts: int
    findings: int
    tokens: int
    most_usd: float
    usd_an_alert: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    folders = [path.parent for path in sorted(args.recordings.glob("*/webhooks.jsonl"))]
    rows = [row for folder in folders if (row := asyncio.run(measure(folder)))]
    if args.json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    print(f"{'recording':22}{'alerts':>7}{'findings':>9}{'tokens':>8}{'at most $':>11}{'$ an alert':>12}")
    for row in rows:
        print(f"{row.name:22}{row.alerts:7}{row.findings:9}{row.tokens:8}{row.most_usd:11.4f}{row.usd_an_alert:12.4f}")
    alerts = sum(row.alerts for row in rows)
    usd, most = sum(row.most_usd for row in rows), max(row.tokens for row in rows)
    print(f"all: ${usd / alerts:.4f} an alert, {most} tokens at most")


async def measure(folder: Path) -> Row | None:
    recording = Recording.load(folder)
    alerts, now = first_alerts(recording)
    if not alerts:
        return None
    clock = ReplayClock(now, speed=0.001)
    async with Replay(recording, clock).servers() as urls:
        settings = load().model_copy(
            update={"prometheus": SourceSettings(url=urls.prometheus), "loki": SourceSettings(url=urls.loki)}
        )
        sources = parts.Sources.of(settings)
        report = await parts.gatherer(settings, sources, clock).gather(alerts, now)
        await sources.aclose()
    prompt, price = Prompts().build(alerts, report), settings.llm.prices[MODEL]
    usd = (prompt.tokens * price.input_usd + settings.llm.max_tokens * price.output_usd) / 1e6
    return Row(
        folder.name, len(alerts), len(report.findings), prompt.tokens, round(usd, 5), round(usd / len(alerts), 5)
    )


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
