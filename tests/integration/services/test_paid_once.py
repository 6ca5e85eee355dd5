"""A question to a model is paid for once, whatever the store does."""

from datetime import UTC, datetime
from typing import Any

import pytest

from aiops_processor.errors import ModelUnreadable, StorageBusy
from aiops_processor.models.analysis import AnalysisResult, Exchange, Spent
from aiops_processor.services.analyzer import Analyzer
from aiops_processor.storage import spending
from aiops_processor.telemetry import Metrics

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def paid(asked: Any) -> AnalysisResult:
    """A model that takes money and says nothing."""
    asked.record(
        Exchange(at=NOON, model="m", system="s", question="q", estimated_tokens=9, input_tokens=7, cost_usd=0.5)
    )
    raise ModelUnreadable("no text")


def _away(*_: Any) -> Any:
    raise StorageBusy("away")


async def test_a_store_that_is_away_when_the_answer_comes_costs_no_second_question(
    house: Any, post: Any, explaining: Any
) -> None:
    await post("A")
    await house.incidents.group()
    (incident,) = await house.all_incidents()
    model = explaining(paid)
    house.analysis._analyzer = Analyzer(house.analysis._analyzer._gatherer, model, house.clock, Metrics())
    await house.analysis.begin(incident.id, 1)
    await house.analysis.gather(incident.id, 1)

    write, house.database.write = house.database.write, _away
    with pytest.raises(StorageBusy):
        await house.analysis.explain(incident.id, 1)
    house.database.write = write
    await house.analysis.explain(incident.id, 1)

    assert len(model.asked) == 1
    async with house.database.read() as connection:
        assert await spending.of_incident(connection, incident.id) == Spent(calls=1, tokens=7, usd=0.5)
