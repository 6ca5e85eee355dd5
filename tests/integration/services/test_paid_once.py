"""A question to a model is paid for once, whatever the store does."""

from datetime import UTC, datetime
from typing import Any

import pytest

from aiops_processor.errors import ModelUnreadable, StorageBusy
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Candidate, Lineup
from aiops_processor.models.analysis import AnalysisResult, Exchange, Spent
from aiops_processor.plugins import Answer
from aiops_processor.services.analysing.analysis import Analysis
from aiops_processor.services.analysing.analyzer import Analyzer
from aiops_processor.services.analysing.received import Received
from aiops_processor.storage import answers, spending
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


class Says:
    """A model that answers, and counts how often."""

    name = "says"
    prompt_tokens: int | None = None

    def __init__(self) -> None:
        self.asked = 0

    async def ask(self, system: str, question: str) -> Answer:
        del system, question
        self.asked += 1
        said = '{"summary": "nothing can be said yet", "outcome": "inconclusive"}'
        return Answer(text=said, model="says", input_tokens=7, output_tokens=3)

    async def aclose(self) -> None:
        """Nothing is held open."""


class Killed(Explainer):
    """The process ends when the answer has come and nothing has been made of it."""

    def _result(self, *_args: Any, **_options: Any) -> AnalysisResult:
        raise KeyboardInterrupt


async def test_an_answer_that_came_before_a_kill_is_found_by_the_next_process(house: Any, post: Any) -> None:
    await post("A")
    await house.incidents.group()
    (incident,) = await house.all_incidents()
    model = Says()

    def process(kind: type[Explainer] = Explainer) -> Analysis:
        explainer = kind(Lineup([Candidate(model)]), house.clock)
        analyzer = Analyzer(house.analyzer._gatherer, explainer, house.clock, Metrics())
        return Analysis(house.database, analyzer, house.clock, ["test"], Metrics())

    killed = process(Killed)
    await killed.begin(incident.id, 1)
    await killed.gather(incident.id, 1)

    with pytest.raises(KeyboardInterrupt):
        await killed.explain(incident.id, 1)

    await process().explain(incident.id, 1)
    assert model.asked == 1
    async with house.database.read() as connection:
        assert await spending.of_incident(connection, incident.id) == Spent(calls=1, tokens=10, usd=0.0)
        assert await answers.of_analysis(connection, incident.id, 1) == [], "what is saved is not kept twice"


async def test_an_answer_that_the_store_cannot_take_as_it_comes_is_used_all_the_same(house: Any, post: Any) -> None:
    await post("A")
    await house.incidents.group()
    (incident,) = await house.all_incidents()
    received = Received(house.database, incident.id, 1, [])
    house.database.write = _away
    await received.keep("k", Answer(text="a", model="m"))
    assert received.left("k") is None
