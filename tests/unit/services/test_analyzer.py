from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from aiops_processor.clock import ReplayClock
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import EvidenceReport, Gap, Outcome, Read, Window
from aiops_processor.services.analyzer import Analyzer
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
