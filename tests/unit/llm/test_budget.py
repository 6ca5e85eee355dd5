import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor.clock import ReplayClock
from aiops_processor.errors import BudgetSpent, ModelUnavailable, ModelUnreadable
from aiops_processor.llm.budget import Limit, Limits
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Candidate, Lineup, Price
from aiops_processor.models.analysis import Exchange, Spent
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.notification import Message
from aiops_processor.plugins import Answer

pytestmark = pytest.mark.anyio

Scripted = Callable[..., Any]
LOOPING = ["nonsense"] * 50
PRICE = Price(input_usd=1000, output_usd=1000)


@pytest.mark.parametrize(
    ("limit", "before", "calls"),
    [
        (Limit(calls=1), Spent(), 1),
        (Limit(calls=3), Spent(calls=1), 2),
        (Limit(calls=2), Spent(calls=2), 0),
        (Limit(tokens=2000), Spent(), 1),
        (Limit(tokens=100), Spent(), 0),
        (Limit(usd=1.0), Spent(), 1),
        (Limit(usd=1.0), Spent(usd=1.0), 0),
    ],
)
@pytest.mark.parametrize("whose", ["incident", "day"])
async def test_a_looping_model_stops_at_the_limit(
    scripted: Scripted,
    message: Message,
    evidence: EvidenceReport,
    clock: ReplayClock,
    limit: Limit,
    before: Spent,
    calls: int,
    whose: str,
) -> None:
    model = scripted(*LOOPING)
    lineup = Lineup([Candidate(model, price=PRICE)] * 10)
    explainer = Explainer(lineup, clock, limits=Limits.model_validate({whose: limit}))
    with pytest.raises(BudgetSpent, match="this incident" if whose == "incident" else "the day"):
        await explainer.explain(
            message.alerts,
            evidence,
            incident=before if whose == "incident" else None,
            day=before if whose == "day" else None,
        )
    assert len(model.questions) == calls


async def test_every_question_is_recorded_with_what_it_cost(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    record: list[Exchange] = []
    model = scripted("nonsense", ModelUnavailable("down"))
    lineup = Lineup([Candidate(model, price=PRICE), Candidate(scripted(good), called="other")])
    result = await Explainer(lineup, clock).explain(message.alerts, evidence, record.append)
    assert [(each.answer != "", each.error != "") for each in record] == [(True, True), (False, True), (True, False)]
    assert (record[0].system, record[0].question) == model.questions[0]
    assert record[0].cost_usd == pytest.approx(1.2)
    assert record[1].cost_usd == pytest.approx(record[1].estimated_tokens / 1000), "it may have been read, and is paid"
    assert record[2].cost_usd is None
    assert record[0].estimated_tokens > 500
    assert [each.requests for each in record] == [1, 1, 1]
    assert result.usage.requests == 3


async def test_an_identical_question_is_not_paid_for_twice(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    record: list[Exchange] = []
    model = scripted(good)
    explainer = Explainer(Lineup([Candidate(model, price=PRICE)]), clock, limits=Limits(incident=Limit(calls=1)))
    first = await explainer.explain(message.alerts, evidence, record.append)
    second = await explainer.explain(message.alerts, evidence, record.append, Spent(calls=1))
    assert len(model.questions) == 1
    assert (second.summary, second.usage.requests, second.cost_usd) == (first.summary, 0, 0)
    assert [each.remembered for each in record] == [False, True]


async def test_an_unreadable_answer_is_not_remembered(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    model = scripted("nonsense", good, good)
    explainer = Explainer(Lineup([Candidate(model)]), clock)
    await explainer.explain(message.alerts, evidence)
    await explainer.explain(message.alerts, evidence)
    assert len(model.questions) == 3


class Hangs:
    """A model that never answers."""

    name = "hangs"
    prompt_tokens: int | None = None

    async def ask(self, system: str, question: str) -> Answer:
        del system, question
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def aclose(self) -> None:
        """Nothing is held open."""


async def test_a_question_that_the_deadline_cut_off_is_recorded(
    message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    record: list[Exchange] = []
    explainer = Explainer(Lineup([Candidate(Hangs())], deadline_seconds=0.01), clock)
    with pytest.raises(ModelUnavailable):
        await explainer.explain(message.alerts, evidence, record.append)
    assert [(each.model, each.error) for each in record] == [("hangs", "hangs did not answer in time")]


async def test_an_answer_without_a_text_is_paid_for(
    scripted: Scripted, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    model, record = scripted(*[ModelUnreadable("no text", 2000, 2000)] * 9), list[Exchange]()
    explainer = Explainer(Lineup([Candidate(model, price=PRICE)] * 3), clock, limits=Limits(incident=Limit(usd=1.0)))
    with pytest.raises(BudgetSpent):
        await explainer.explain(message.alerts, evidence, record.append)
    assert [(each.input_tokens, each.output_tokens, each.cost_usd) for each in record] == [(2000, 2000, 4.0)]


async def test_the_answer_must_be_covered_before_the_question_is_asked(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    model = scripted(good)
    lineup = Lineup([Candidate(model, answer_tokens=5000)])
    with pytest.raises(BudgetSpent):
        await Explainer(lineup, clock, limits=Limits(incident=Limit(tokens=5000))).explain(message.alerts, evidence)
    assert model.questions == []
