"""A question to a model is paid for once, whatever the store does."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from aiops_processor.errors import ModelUnreadable, StorageBusy
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult, Exchange, Spent
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.past import Past
from aiops_processor.services.analyzer import Analyzer
from aiops_processor.storage import spending
from aiops_processor.telemetry import Metrics

pytestmark = pytest.mark.anyio


class Paid:
    """A model that takes money and says nothing."""

    def __init__(self, house: Any) -> None:
        self._house = house
        self.calls = 0

    async def explain(
        self,
        alerts: Sequence[Alert],
        evidence: EvidenceReport,
        record: Callable[[Exchange], None],
        incident: Spent,
        day: Spent,
        past: Sequence[Past] = (),
        found: Callable[[EvidenceReport], None] = lambda _report: None,
    ) -> AnalysisResult:
        self.calls += 1
        now = self._house.clock.now()
        record(Exchange(at=now, model="m", system="s", question="q", estimated_tokens=9, input_tokens=7, cost_usd=0.5))
        raise ModelUnreadable("no text")


def _away(*_: Any) -> Any:
    raise StorageBusy("away")


async def test_a_store_that_is_away_when_the_answer_comes_costs_no_second_question(house: Any, post: Any) -> None:
    await post("A")
    await house.incidents.group()
    (incident,) = await house.all_incidents()
    model = Paid(house)
    house.analysis._analyzer = Analyzer(house.analysis._analyzer._gatherer, model, house.clock, Metrics())
    await house.analysis.begin(incident.id, 1)
    await house.analysis.gather(incident.id, 1)

    write, house.database.write = house.database.write, _away
    with pytest.raises(StorageBusy):
        await house.analysis.explain(incident.id, 1)
    house.database.write = write
    await house.analysis.explain(incident.id, 1)

    assert model.calls == 1
    async with house.database.read() as connection:
        assert await spending.of_incident(connection, incident.id) == Spent(calls=1, tokens=7, usd=0.5)
