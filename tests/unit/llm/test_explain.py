import json
from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor.clock import ReplayClock
from aiops_processor.errors import ModelRefused, ModelUnreadable
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Candidate, Lineup, Price
from aiops_processor.models.analysis import Usage
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.notification import Message

pytestmark = pytest.mark.anyio

Scripted = Callable[..., Any]


async def test_one_answer_makes_an_analysis(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    model = scripted(good)
    result = await Explainer(Lineup([Candidate(model)]), clock).explain(message.alerts, evidence)
    assert (result.alert_name, result.severity) == ("HighErrorRate", "critical")
    assert (result.outcome, result.confidence) == ("found", 0.8)
    assert result.evidence[0].verified
    assert result.hypotheses[0].supports == ("M2",)
    assert result.remediation_steps[0].risk == "medium"
    assert (result.gaps, result.checked_healthy) == (evidence.gaps, evidence.healthy)
    assert (result.model, result.analyzed_at) == ("scripted-1", clock.now())
    assert result.usage == Usage(requests=1, input_tokens=1000, output_tokens=200)
    assert result.cost_usd is None


async def test_what_is_sent_is_what_prompt_shows(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    model = scripted(good)
    explainer = Explainer(Lineup([Candidate(model, token_budget=2000)]), clock)
    shown = explainer.prompt(message.alerts, evidence)
    assert model.questions == [], "showing asks nobody"
    await explainer.explain(message.alerts, evidence)
    assert model.questions == [tuple(shown)]
    assert shown.tokens <= 2000


@pytest.mark.parametrize(
    "first", ["I cannot look at your servers.", "", '{"summary": "M1", "root_cause": "M1"}', ModelUnreadable("no text")]
)
async def test_an_unreadable_answer_is_asked_for_once_more_and_both_are_counted(
    scripted: Scripted,
    good: str,
    message: Message,
    evidence: EvidenceReport,
    clock: ReplayClock,
    first: str | Exception,
) -> None:
    model = scripted(first, good)
    result = await Explainer(Lineup([Candidate(model)]), clock).explain(message.alerts, evidence)
    assert result.summary == json.loads(good)["summary"]
    assert result.usage.requests == 2
    assert "could not be used" in model.questions[1][1]


async def test_a_second_unreadable_answer_is_the_end(
    scripted: Scripted, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    model = scripted("no", "no again", "never asked for")
    with pytest.raises(ModelUnreadable, match="scripted answered, but it holds no JSON object"):
        await Explainer(Lineup([Candidate(model)]), clock).explain(message.alerts, evidence)
    assert len(model.questions) == 2


async def test_a_refusal_is_not_asked_again(
    scripted: Scripted, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    model = scripted(ModelRefused("wrong key"))
    with pytest.raises(ModelRefused):
        await Explainer(Lineup([Candidate(model)]), clock).explain(message.alerts, evidence)
    assert len(model.questions) == 1


async def test_a_price_makes_a_cost_of_all_answers(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    explainer = Explainer(Lineup([Candidate(scripted("no", good), price=Price(input_usd=0.5, output_usd=2))]), clock)
    result = await explainer.explain(message.alerts, evidence)
    assert result.cost_usd == pytest.approx(2 * (1000 * 0.5 + 200 * 2) / 1e6)


async def test_a_summary_that_is_missing_is_the_root_cause(
    scripted: Scripted, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    result = await Explainer(Lineup([Candidate(scripted('{"root_cause": "a full disk"}'))]), clock).explain(
        message.alerts, evidence
    )
    assert (result.summary, result.root_cause) == ("a full disk (unverified)", "Hypothesis: a full disk")
