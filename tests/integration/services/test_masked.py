"""A secret in an alert and in a log line reaches no channel, no model and no stored analysis."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from aiops_processor.errors import ModelUnavailable
from aiops_processor.masking import Mask
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.notification import Message
from aiops_processor.services.analysing.analyzer import Analyzer
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import spending
from aiops_processor.telemetry import Metrics

pytestmark = pytest.mark.anyio

SECRET = "hunter2hunter2"
LEAK = (
    f"connect failed: password={SECRET} of ann@example.org; body=%7B%22password%22%3A%22{SECRET}%22%7D "
    f"Cookie: a=b; sid={SECRET}; <password>{SECRET}</password> curl -u bob:{SECRET} https://x.example"
)


class Leaking:
    """Finds a line with a secret in it."""

    def __init__(self, report: EvidenceReport) -> None:
        lines = tuple(each.model_copy(update={"line": LEAK, "message": LEAK}) for each in report.findings[1].lines)
        finding = report.findings[1].model_copy(update={"lines": lines, "statement": LEAK, "title": LEAK})
        self._report = report.model_copy(update={"findings": (finding,)})

    async def gather(self, alerts: Sequence[Alert], now: datetime) -> EvidenceReport:
        return self._report


def failing(asked: Any) -> AnalysisResult:
    """A model that is down, and quotes what it was asked."""
    raise ModelUnavailable(f"down; asked: {LEAK}")


async def test_no_secret_leaves(house: Any, message: Message, explaining: Any) -> None:
    assert message.evidence
    mask, model = Mask(), explaining(failing)
    analyzer = Analyzer(Leaking(message.evidence), model, house.clock, Metrics(), mask)
    house.analysis._analyzer = analyzer
    house.telling.use({"test": house.channel}, "https://aiops.example", mask)
    alert = {"status": "firing", "labels": {"alertname": "A", "db_password": SECRET}, "annotations": {"summary": LEAK},
             "startsAt": "2026-01-31T11:59:00Z"}  # fmt: skip
    await house.ingest.receive(json.dumps({"groupKey": "g", "alerts": [alert]}).encode(), "default")
    await house.pass_time(15)

    (incident,) = await house.all_incidents()
    async with house.database.read() as connection:
        kept = await incident_rows.latest_analysis(connection, incident.id)
        asked = await spending.asked(connection, incident.id)
    told = [sent.model_dump_json() for sent, _ in house.channel.messages]
    assert house.channel.occasions == ["opened", "analysed"]
    assert "connect failed" in told[-1]
    seen = str(model.asked)
    assert "connect failed" in seen
    for text in (*told, seen, str(kept), str(asked)):
        assert SECRET not in text
        assert "ann@" not in text
