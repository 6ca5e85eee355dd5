"""Evidence in, analysis out: one question to a model, one more where the answer cannot be read, then the check."""

from collections.abc import Sequence

from aiops_processor.clock import Clock
from aiops_processor.errors import ModelUnreadable
from aiops_processor.llm import prompt as prompts
from aiops_processor.llm.prompt import TOKEN_BUDGET, Prompt
from aiops_processor.llm.reading import read
from aiops_processor.llm.shapes import Draft
from aiops_processor.llm.verify import check
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult, Usage
from aiops_processor.models.base import Frozen
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.plugins import Answer, Model


class Price(Frozen):
    """What a million tokens cost, in US dollars."""

    input_usd: float
    output_usd: float

    def of(self, usage: Usage) -> float:
        """The cost of so many tokens, in US dollars."""
        return (usage.input_tokens * self.input_usd + usage.output_tokens * self.output_usd) / 1e6


class Explainer:
    """Has a model explain evidence, and lets through only what the evidence bears out."""

    def __init__(
        self, model: Model, clock: Clock, token_budget: int = TOKEN_BUDGET, price: Price | None = None
    ) -> None:
        self._model = model
        self._clock = clock
        self._token_budget = token_budget
        self._price = price

    def prompt(self, alerts: Sequence[Alert], evidence: EvidenceReport) -> Prompt:
        """What `explain` would send; nothing is sent."""
        return prompts.build(alerts, evidence, self._token_budget)

    async def explain(self, alerts: Sequence[Alert], evidence: EvidenceReport) -> AnalysisResult:
        """The checked analysis of one alert or more. Raises a ModelError: ModelUnreadable after a second bad answer."""
        prompt = self.prompt(alerts, evidence)
        answers: list[Answer] = []
        try:
            draft = await self._ask(prompt, answers)
        except ModelUnreadable as problem:
            draft = await self._ask(prompts.repair(prompt, str(problem)), answers)
        return self._result(draft, alerts, evidence, answers)

    async def _ask(self, prompt: Prompt, answers: list[Answer]) -> Draft:
        """The draft of one answer, which is kept in `answers`: it was paid for, readable or not."""
        answer = await self._model.ask(prompt.system, prompt.question)
        answers.append(answer)
        try:
            return read(answer.text)
        except ModelUnreadable as error:
            raise ModelUnreadable(f"{self._model.name} answered, but {error}") from None

    def _result(
        self, draft: Draft, alerts: Sequence[Alert], evidence: EvidenceReport, answers: Sequence[Answer]
    ) -> AnalysisResult:
        usage = Usage(
            requests=len(answers),
            input_tokens=sum(answer.input_tokens for answer in answers),
            output_tokens=sum(answer.output_tokens for answer in answers),
        )
        return AnalysisResult(
            **check(draft, evidence)._asdict(),
            alert_name=alerts[0].name,
            severity=alerts[0].severity,
            summary=draft.summary or draft.root_cause,
            root_cause=draft.root_cause,
            severity_assessment=draft.severity_assessment,
            affected=draft.affected,
            checked_healthy=evidence.healthy,
            gaps=evidence.gaps,
            model=answers[-1].model,
            usage=usage,
            cost_usd=self._price.of(usage) if self._price else None,
            analyzed_at=self._clock.now(),
        )
