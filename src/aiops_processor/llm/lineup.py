"""The models that are asked, one after the other, until one answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiops_processor.errors import ConfigError, ModelError, ModelRefused, ModelUnavailable
from aiops_processor.llm.pace import Rate
from aiops_processor.llm.prompt import SMALLEST_BUDGET, TOKEN_BUDGET
from aiops_processor.models.analysis import Usage
from aiops_processor.models.base import Frozen
from aiops_processor.plugins import Answer, Model

DEADLINE_SECONDS = 120.0
WINDOW_SHARE = 0.9
"""Our estimate of tokens is low for models that spend one on every digit: SmolLM2 counts 4,066 for our 3,851."""


class Price(Frozen):
    """What a million tokens cost, in US dollars."""

    input_usd: float
    output_usd: float

    def of(self, usage: Usage) -> float:
        """The cost of so many tokens, in US dollars."""
        return (usage.input_tokens * self.input_usd + usage.output_tokens * self.output_usd) / 1e6


@dataclass(frozen=True)
class Candidate:
    """A model, the tokens that a prompt for it may have, what it costs where that is known, and its own name.

    `tools`: it may be offered tools. `rate` is what its provider takes in a minute.
    `answer_tokens` is how long an answer may be: the budget must cover it before the question is asked.
    """

    model: Model
    token_budget: int = TOKEN_BUDGET
    price: Price | None = None
    called: str = ""
    answer_tokens: int = 0
    tools: bool = False
    provider: str = ""
    rate: Rate | None = None


@dataclass(frozen=True)
class Lineup:
    """At least one model, in the order in which they are asked. `deadline_seconds` is for all of them together."""

    candidates: Sequence[Candidate]
    deadline_seconds: float = DEADLINE_SECONDS

    @property
    def name(self) -> str:
        return ", then ".join(each.model.name for each in self.candidates)

    async def aclose(self) -> None:
        """Close the connections of all."""
        for each in self.candidates:
            await each.model.aclose()


def budget_of(model: Model) -> int:
    """The tokens that a prompt for this model may have: no more than its window leaves beside the answer.

    Raises ConfigError where that is too little for any evidence.
    """
    if model.prompt_tokens is None:
        return TOKEN_BUDGET
    budget = int(model.prompt_tokens * WINDOW_SHARE)
    if budget < SMALLEST_BUDGET:
        raise ConfigError(
            f"LLM_CONTEXT_TOKENS less LLM_MAX_TOKENS leaves {model.name} {budget} tokens for the prompt, "
            f"and {SMALLEST_BUDGET} are needed; lower LLM_MAX_TOKENS or choose a model with a larger window"
        )
    return min(TOKEN_BUDGET, budget)


def answer_of_none(failures: Sequence[ModelError]) -> ModelError:
    """What there is to say when no model answered: one failure as it is, of several all, worth a retry if one is."""
    if len(failures) == 1:
        return failures[0]
    said = "; ".join(map(str, failures))
    if any(isinstance(failure, ModelUnavailable) for failure in failures):
        return ModelUnavailable(said)
    return ModelRefused(said)


def usage_of(answers: Sequence[Answer]) -> Usage:
    """What these answers took together."""
    return Usage(
        requests=len(answers),
        input_tokens=sum(answer.input_tokens for answer in answers),
        output_tokens=sum(answer.output_tokens for answer in answers),
    )
