"""What one analysis tells a model: it grows by the model's own questions, and hides names that it should not learn."""

import json
from collections.abc import Sequence

from aiops_processor.llm.lineup import Candidate
from aiops_processor.llm.prompt import BYTES_PER_TOKEN, SMALLEST_BUDGET, Prompt, Prompts
from aiops_processor.llm.pseudonyms import Pseudonyms
from aiops_processor.llm.reading.shapes import Draft
from aiops_processor.llm.tools.toolbox import Inquiry, told_whole
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import Usage
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.past import Past
from aiops_processor.plugins import Call, Tool

MOST_PAST = 3


class Told:
    """The alerts, the evidence so far and past incidents, as prompts of any size."""

    def __init__(
        self,
        alerts: Sequence[Alert],
        inquiry: Inquiry,
        past: Sequence[Past],
        prompts: Prompts,
        hidden: Sequence[str],
    ) -> None:
        self._alerts = alerts
        self._inquiry = inquiry
        self._past = [told_whole(each) for each in past[:MOST_PAST]]
        self._prompts = prompts
        self._hidden = hidden

    @property
    def evidence(self) -> EvidenceReport:
        """With what the model's questions found."""
        return self._inquiry.evidence

    def question(
        self, candidate: Candidate, budget: int, alert_usd: float | None = None, spent: float = 0.0
    ) -> tuple[Prompt, tuple[Tool, ...]]:
        """The prompt within a budget of tokens, and what this model may ask for first.

        That is nothing where one question more might make the analysis, which has cost `spent`, cost more than
        `alert_usd` for each alert.
        """
        tools = self._tools(candidate)
        prompt = self.prompt(budget, tools)
        if tools and alert_usd is not None:
            most = spent + (_most_usd(candidate, prompt.tokens + size_of(tools), budget) or 0.0)
            if most > alert_usd * len(self._alerts):
                return self.prompt(budget), ()
        return prompt, tools

    def _tools(self, candidate: Candidate) -> tuple[Tool, ...]:
        """What this model may still ask; nothing for one without tools, or without the room to tell it of them."""
        tools = self._inquiry.offered() if candidate.tools else ()
        return tools if candidate.token_budget - size_of(tools) >= SMALLEST_BUDGET else ()

    def prompt(self, budget: int, tools: Sequence[Tool] = ()) -> Prompt:
        """The prompt, so that it and the tools stay within the budget of tokens.

        Pseudonyms may be longer than the names, and then less evidence is told.
        """
        most = max(SMALLEST_BUDGET, budget - size_of(tools))
        room, prompt = most, self._built(most, tools)
        while prompt.tokens > most and room > SMALLEST_BUDGET:
            room = max(SMALLEST_BUDGET, room * most // prompt.tokens - 50)
            prompt = self._built(room, tools)
        return prompt

    async def look(self, calls: Sequence[Call]) -> None:
        """Have the model's questions answered."""
        await self._inquiry.look(calls, self._names().reveal)

    def shown(self, draft: Draft) -> Draft:
        """The draft with the real names."""
        return self._names().show(draft)

    def _built(self, budget: int, tools: Sequence[Tool]) -> Prompt:
        built = self._prompts.build(
            self._alerts, self.evidence, budget, past=self._past, notes=self._inquiry.notes, tools=bool(tools)
        )
        return self._names().hide(built)

    def _names(self) -> Pseudonyms:
        return Pseudonyms(self._hidden, self._alerts, self.evidence)


def _most_usd(candidate: Candidate, asked: int, budget: int) -> float | None:
    """What a question of so many tokens and the one after it cost at most, None where no price is known."""
    both = Usage(requests=2, input_tokens=asked + budget, output_tokens=2 * candidate.answer_tokens)
    return candidate.price.of(both) if candidate.price else None


def size_of(tools: Sequence[Tool]) -> int:
    """The tokens that being told of these tools takes, by the same low guess as those of a prompt."""
    return -(-sum(len(json.dumps(tool.model_dump())) for tool in tools) // BYTES_PER_TOKEN)
