import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from aiops_processor.clock import ReplayClock
from aiops_processor.errors import ConfigError, ModelUnreadable
from aiops_processor.masking import M, Mask
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult, Exchange, Spent
from aiops_processor.models.evidence import EvidenceReport, Gap, Outcome, Read, Window
from aiops_processor.services.analysing.analyzer import Analyzer
from aiops_processor.telemetry import Metrics

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Gathers:
    async def gather(self, alerts: Sequence[Alert], now: datetime) -> EvidenceReport:
        del alerts
        read = Read(source="prometheus", title="t", query="q", outcome=Outcome.DATA, seconds=0.5)
        return EvidenceReport(
            window=Window(start=now, onset=now, end=now),
            reads=(read.model_copy(update={"series": 3, "points": 60, "octets": 900}),) * 2,
            gaps=(Gap(source="prometheus", reason="too many", limit="series"), Gap(source="loki", reason="down")),
        )


async def test_what_evidence_costs_and_which_limits_it_met_is_counted() -> None:
    metrics = Metrics()
    analyzer = Analyzer(Gathers(), None, ReplayClock(NOON), metrics)

    await analyzer.gather([Alert(status="firing", labels={"alertname": "A"}, starts_at=NOON)])

    lines = set(metrics.exposition().decode().splitlines())
    assert lines >= {
        'aiops_source_read_seconds_total{source="prometheus"} 1.0',
        'aiops_source_series_total{source="prometheus"} 6.0',
        'aiops_source_points_total{source="prometheus"} 120.0',
        'aiops_source_bytes_total{source="prometheus"} 1800.0',
        'aiops_source_limits_total{limit="series",source="prometheus"} 1.0',
    }
    assert not any("source_limits" in line and "loki" in line for line in lines)


class Watched(Mask):
    """Remembers in which threads it worked."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()

    def model(self, made: M) -> M:
        self.threads.add(threading.get_ident())
        return super().model(made)


async def test_nothing_is_masked_on_the_event_loop() -> None:
    mask = Watched()
    analyzer = Analyzer(Gathers(), None, ReplayClock(NOON), Metrics(), mask)
    alerts = [Alert(status="firing", labels={"alertname": "A"}, starts_at=NOON)]

    await analyzer.explain(alerts, await analyzer.gather(alerts))

    assert mask.threads
    assert threading.get_ident() not in mask.threads


def breaks(error: Exception) -> Callable[[Any], AnalysisResult]:
    """Pays for an answer, then fails in a way nobody thought of."""

    def answer(asked: Any) -> AnalysisResult:
        cost = {"estimated_tokens": 9, "input_tokens": 7, "cost_usd": 0.5}
        asked.record(Exchange.model_validate({"at": NOON, "model": "m", "system": "s", "question": "q", **cost}))
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("cannot convert float NaN to integer"), "explaining failed (ValueError)"),
        (ConfigError("extra.yaml: not a mapping"), "extra.yaml: not a mapping"),
    ],
)
async def test_whatever_breaks_in_explaining_the_evidence_is_the_report_and_what_was_paid_is_kept(
    error: Exception, said: str, explaining: Any
) -> None:
    analyzer = Analyzer(Gathers(), explaining(breaks(error)), ReplayClock(NOON), Metrics())
    alerts = [Alert(status="firing", labels={"alertname": "A"}, starts_at=NOON)]

    explained = await analyzer.explain(alerts, await analyzer.gather(alerts))

    assert [each.input_tokens for each in explained.exchanges] == [7]
    assert explained.result.gaps[-1] == Gap(source="model", reason=said)
    assert explained.result.cost_usd == 0.5


async def test_a_program_without_a_store_counts_what_its_day_costs(explaining: Any) -> None:
    explains = explaining(breaks(ModelUnreadable("no text")))
    analyzer = Analyzer(Gathers(), explains, ReplayClock(NOON, speed=0.0), Metrics())
    for _ in range(2):
        await analyzer.analyze([Alert(status="firing", labels={"alertname": "A"}, starts_at=NOON)])
    assert [each.day for each in explains.asked] == [Spent(), Spent(calls=1, tokens=7, usd=0.5)]
