"""Several models: the next is asked when one fails, within one deadline; and what fits which window."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor.clock import ReplayClock
from aiops_processor.errors import (
    ConfigError,
    ModelError,
    ModelRefused,
    ModelUnavailable,
    ModelUnreadable,
    PromptTooLong,
)
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Candidate, Lineup, Price, budget_of
from aiops_processor.llm.prompt import SMALLEST_BUDGET
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.notification import Message
from aiops_processor.plugins import Answer

pytestmark = pytest.mark.anyio

Scripted = Callable[..., Any]


class Hanging:
    """A model that never answers."""

    name = "hanging"
    prompt_tokens: int | None = None

    async def ask(self, system: str, question: str) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    async def aclose(self) -> None:
        """Nothing is held open."""


@pytest.mark.parametrize("failure", [ModelRefused("a: no key"), ModelUnavailable("a: down"), PromptTooLong("a: long")])
async def test_the_next_model_is_asked_when_one_fails_and_the_result_says_so(
    scripted: Scripted,
    good: str,
    message: Message,
    evidence: EvidenceReport,
    clock: ReplayClock,
    failure: ModelError,
) -> None:
    first, second = scripted(failure, failure), scripted(good)
    explainer = Explainer(Lineup([Candidate(first), Candidate(second)]), clock)
    result = await explainer.explain(message.alerts, evidence)
    assert (result.model, result.outcome) == ("scripted-1", "found")
    assert [gap.reason for gap in result.gaps if gap.source == "model"] == [f"{failure}; scripted-1 answered instead"]
    assert set(evidence.gaps) <= set(result.gaps)


async def test_a_model_that_nobody_can_read_is_followed_by_the_next_after_its_second_chance(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    first, second = scripted("no", "no again"), scripted(good)
    price = Price(input_usd=1, output_usd=1)
    explainer = Explainer(Lineup([Candidate(first, price=price), Candidate(second, price=price)]), clock)
    result = await explainer.explain(message.alerts, evidence)
    assert (len(first.questions), len(second.questions)) == (2, 1)
    assert result.usage.requests == 3, "all three were paid for"
    assert result.cost_usd == pytest.approx(3 * 1200 / 1e6)


async def test_a_cost_is_not_known_where_one_price_is_not(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    priced = Candidate(scripted("no", "no"), price=Price(input_usd=1, output_usd=1))
    result = await Explainer(Lineup([priced, Candidate(scripted(good))]), clock).explain(message.alerts, evidence)
    assert result.cost_usd is None


async def test_a_model_that_hangs_leaves_the_next_its_share_of_the_deadline(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    lineup = Lineup([Candidate(Hanging()), Candidate(scripted(good))], deadline_seconds=0.2)
    result = await Explainer(lineup, clock).explain(message.alerts, evidence)
    assert result.model == "scripted-1"
    assert "hanging gave no usable answer within its 0.1 s" in result.gaps[-1].reason


async def test_the_deadline_holds_for_all_together(
    message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    lineup = Lineup([Candidate(Hanging())] * 3, deadline_seconds=0.15)
    began = asyncio.get_running_loop().time()
    with pytest.raises(ModelUnavailable):
        await Explainer(lineup, clock).explain(message.alerts, evidence)
    assert asyncio.get_running_loop().time() - began < 0.5


@pytest.mark.parametrize(
    ("failures", "kind"),
    [
        ([ModelRefused("a"), ModelRefused("b")], ModelRefused),
        ([ModelRefused("a"), ModelUnavailable("b")], ModelUnavailable),
        ([ModelUnavailable("a"), ModelRefused("b")], ModelUnavailable),
    ],
)
async def test_when_none_answers_all_are_named_and_one_that_may_pass_decides(
    scripted: Scripted,
    message: Message,
    evidence: EvidenceReport,
    clock: ReplayClock,
    failures: list[ModelError],
    kind: type[ModelError],
) -> None:
    explainer = Explainer(Lineup([Candidate(scripted(failure)) for failure in failures]), clock)
    with pytest.raises(kind, match="a; b"):
        await explainer.explain(message.alerts, evidence)


async def test_a_prompt_that_is_too_long_is_halved_and_asked_once_more(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    many = evidence.model_copy(update={"findings": evidence.findings * 30})
    model = scripted(PromptTooLong("too long"), good)
    result = await Explainer(Lineup([Candidate(model, token_budget=4000)]), clock).explain(message.alerts, many)
    (_, first), (_, second) = model.questions
    assert len(second) < 0.6 * len(first)
    assert result.outcome == "found"


async def test_a_prompt_that_is_still_too_long_is_the_end(
    scripted: Scripted, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    model = scripted(PromptTooLong("too long"), PromptTooLong("too long"), "never asked for")
    with pytest.raises(PromptTooLong):
        await Explainer(Lineup([Candidate(model)]), clock).explain(message.alerts, evidence)
    assert len(model.questions) == 2
    smallest = scripted(PromptTooLong("too long"), "never asked for")
    with pytest.raises(PromptTooLong):
        await Explainer(Lineup([Candidate(smallest, SMALLEST_BUDGET)]), clock).explain(message.alerts, evidence)
    assert len(smallest.questions) == 1, "the same again would not fit either"


async def test_a_shortened_prompt_has_its_second_chance_too(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    model = scripted(PromptTooLong("too long"), ModelUnreadable("no text"), good)
    assert (await Explainer(Lineup([Candidate(model)]), clock).explain(message.alerts, evidence)).summary


def test_the_budget_is_what_the_window_leaves(scripted: Scripted) -> None:
    model = scripted()
    assert budget_of(model) == 6000
    model.prompt_tokens = 2000
    assert budget_of(model) == 1800
    model.prompt_tokens = 200_000
    assert budget_of(model) == 6000
    model.prompt_tokens = 48
    with pytest.raises(ConfigError, match="lower LLM_MAX_TOKENS"):
        budget_of(model)
