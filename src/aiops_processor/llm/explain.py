"""Evidence in, analysis out: one question to a model, one more where the answer cannot be read, then the check.

A model that fails is followed by the next, within one deadline for all.
"""

import asyncio
from collections.abc import Iterator, Sequence

from aiops_processor.clock import Clock
from aiops_processor.errors import ModelError, ModelUnavailable, ModelUnreadable, PromptTooLong
from aiops_processor.llm import prompt as prompts
from aiops_processor.llm.lineup import Candidate, Lineup, answer_of_none, usage_of
from aiops_processor.llm.prompt import SMALLEST_BUDGET, Prompt
from aiops_processor.llm.reading import read
from aiops_processor.llm.shapes import Draft
from aiops_processor.llm.verify import check
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.evidence import EvidenceReport, Gap
from aiops_processor.plugins import Answer, Model

FEWEST_CHARACTERS = 10
"""Small models fill the form with ids and nothing else; the ranked evidence says more than that."""

Paid = list[tuple[Candidate, Answer]]
"""Every answer that came, readable or not: it was paid for."""


class Explainer:
    """Has a model explain evidence, and lets through only what the evidence bears out."""

    def __init__(self, lineup: Lineup, clock: Clock) -> None:
        self._lineup = lineup
        self._clock = clock

    def prompt(self, alerts: Sequence[Alert], evidence: EvidenceReport) -> Prompt:
        """What `explain` would send to the first model; nothing is sent."""
        return prompts.build(alerts, evidence, self._lineup.candidates[0].token_budget)

    async def explain(self, alerts: Sequence[Alert], evidence: EvidenceReport) -> AnalysisResult:
        """The checked analysis of one alert or more. A model that failed before another answered is a gap in it.

        Raises a ModelError where none answered.
        """
        paid: Paid = []
        failures: list[ModelError] = []
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._lineup.deadline_seconds
        for place, candidate in enumerate(self._lineup.candidates):
            # An equal share of what is left: a model that hangs leaves the next one time to answer.
            share = (ends - loop.time()) / (len(self._lineup.candidates) - place)
            try:
                draft = await _within(share, candidate, alerts, evidence, paid)
            except ModelError as failure:
                failures.append(failure)
            else:
                return self._result(draft, alerts, evidence, paid, failures)
        raise answer_of_none(failures)

    def _result(
        self,
        draft: Draft,
        alerts: Sequence[Alert],
        evidence: EvidenceReport,
        paid: Paid,
        failures: Sequence[ModelError],
    ) -> AnalysisResult:
        answered = paid[-1][1].model
        instead = (Gap(source="model", reason=f"{failure}; {answered} answered instead") for failure in failures)
        return AnalysisResult(
            **check(draft, evidence, _named(alerts))._asdict(),
            alert_name=alerts[0].name,
            severity=alerts[0].severity,
            checked_healthy=evidence.healthy,
            gaps=(*evidence.gaps, *instead),
            model=answered,
            usage=usage_of([answer for _, answer in paid]),
            cost_usd=_cost(paid),
            analyzed_at=self._clock.now(),
        )


async def _within(
    seconds: float, candidate: Candidate, alerts: Sequence[Alert], evidence: EvidenceReport, paid: Paid
) -> Draft:
    """The candidate's draft within so many seconds, all its questions together. Raises a ModelError."""
    try:
        async with asyncio.timeout(seconds):
            return await _draft(candidate, alerts, evidence, paid)
    except TimeoutError:
        raise ModelUnavailable(f"{candidate.model.name} gave no usable answer within its {seconds:.3g} s") from None


async def _draft(candidate: Candidate, alerts: Sequence[Alert], evidence: EvidenceReport, paid: Paid) -> Draft:
    """What the model makes of the evidence; of half as much where it says that all of it is too long for its window."""
    budget = candidate.token_budget
    try:
        return await _readable(candidate, prompts.build(alerts, evidence, budget), paid)
    except PromptTooLong:
        if budget <= SMALLEST_BUDGET:
            raise
    return await _readable(candidate, prompts.build(alerts, evidence, max(SMALLEST_BUDGET, budget // 2)), paid)


async def _readable(candidate: Candidate, prompt: Prompt, paid: Paid) -> Draft:
    """The draft of one answer, or of a second one where the first cannot be read."""
    try:
        return await _ask(candidate, prompt, paid)
    except ModelUnreadable as problem:
        return await _ask(candidate, prompts.repair(prompt, str(problem)), paid)


async def _ask(candidate: Candidate, prompt: Prompt, paid: Paid) -> Draft:
    model: Model = candidate.model
    answer = await model.ask(prompt.system, prompt.question)
    paid.append((candidate, answer))
    try:
        draft = read(answer.text)
    except ModelUnreadable as error:
        raise ModelUnreadable(f"{model.name} answered, but {error}") from None
    if len(draft.summary + draft.root_cause) < FEWEST_CHARACTERS:
        raise ModelUnreadable(f"{model.name} answered, but it says nothing in words")
    return draft


def _named(alerts: Sequence[Alert]) -> Iterator[str]:
    """What the alerts are about, by their labels."""
    for alert in alerts:
        yield from alert.labels.values()


def _cost(paid: Paid) -> float | None:
    """What all answers cost together; None where one has no known price."""
    prices = [candidate.price.of(usage_of([answer])) if candidate.price else None for candidate, answer in paid]
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None
