"""Evidence in, analysis out: one question to a model, one more where the answer cannot be read, then the check.

A model that fails is followed by the next, within one deadline and one budget for all.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import (
    BudgetSpent,
    ModelError,
    ModelUnavailable,
    ModelUnreadable,
    PromptTooLong,
)
from aiops_processor.llm.asking import TriesAgain
from aiops_processor.llm.budget import Ledger, Limits
from aiops_processor.llm.lineup import Candidate, Lineup, answer_of_none, usage_of
from aiops_processor.llm.memory import Journal, Memory, NoJournal, key_of
from aiops_processor.llm.pace import Pace, Unlimited
from aiops_processor.llm.prompt import SMALLEST_BUDGET, Prompt, Prompts
from aiops_processor.llm.reading.answers import read
from aiops_processor.llm.reading.shapes import Draft
from aiops_processor.llm.told import Told, size_of
from aiops_processor.llm.tools.toolbox import Sources, Toolbox
from aiops_processor.llm.tries import Counted
from aiops_processor.llm.verification.verify import check
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult, Exchange, Spent
from aiops_processor.models.evidence import EvidenceReport, Gap
from aiops_processor.models.past import Past
from aiops_processor.plugins import Answer, Call, CallsTools, Model, Tool

FEWEST_CHARACTERS = 10
"""Small models fill the form with ids and nothing else; the ranked evidence says more than that."""

Record = Callable[[Exchange], None]
Found = Callable[[EvidenceReport], None]
Calls = tuple[Call, ...]
Paid = list[tuple[Candidate, Answer]]
"""Every request that may have to be paid: with the answer that came, readable or not, or none."""

log = structlog.get_logger(__name__)


class Explainer:
    """Has a model explain evidence, and lets through only what the evidence bears out."""

    def __init__(
        self,
        lineup: Lineup,
        clock: Clock,
        prompts: Prompts | None = None,
        limits: Limits | None = None,
        hidden: Sequence[str] = (),
        toolbox: Toolbox | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._lineup = lineup
        self._clock = clock
        self._prompts = prompts or Prompts()
        self._limits = limits or Limits()
        self._hidden = tuple(hidden)
        self._memory = Memory()
        self._toolbox = toolbox or Toolbox(lambda _: Sources())
        self._pace = pace or Unlimited()

    def prompt(self, alerts: Sequence[Alert], evidence: EvidenceReport, past: Sequence[Past] = ()) -> Prompt:
        """What `explain` would send to the first model; nothing is sent."""
        first = self._lineup.candidates[0]
        told = Told(alerts, self._toolbox.open(alerts, evidence, past), past, self._prompts, self._hidden)
        return told.question(first, first.token_budget, self._limits.alert_usd)[0]

    async def explain(
        self,
        alerts: Sequence[Alert],
        evidence: EvidenceReport,
        record: Record = lambda _: None,
        incident: Spent | None = None,
        day: Spent | None = None,
        past: Sequence[Past] = (),
        found: Found = lambda _: None,
        *,
        journal: Journal | None = None,
        patient: bool = True,
    ) -> AnalysisResult:
        """The checked analysis of one alert or more. A model that failed before another answered is a gap in it.

        `record` is told of every question; `incident` and `day` say what was spent before. `past` are incidents that
        were alike; `found` is told of the evidence that the model's own questions added. `journal`
        has what was paid for before a kill, and is told of every answer. Not `patient`: a request that
        fails is not sent again, for the caller asks again later. Raises BudgetSpent where a limit is reached, another
        ModelError where no model answered.
        """
        said = tuple(self._said(alerts, evidence))  # before anything is paid for: a text may have become unreadable
        ledger = Ledger(self._limits, incident or Spent(), day or Spent())
        told = Told(alerts, self._toolbox.open(alerts, evidence, past), past, self._prompts, self._hidden)
        asking = _Asking(
            told, self._prompts, self._memory, ledger, self._clock, record, found, self._pace, journal or NoJournal()
        )
        asking.patient = patient
        failures: list[ModelError] = []
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._lineup.deadline_seconds
        for place, candidate in enumerate(self._lineup.candidates):
            # An equal share of what is left: a model that hangs leaves the next one time to answer.
            share = (ends - loop.time()) / (len(self._lineup.candidates) - place)
            try:
                draft = await asking.within(share, candidate)
            except BudgetSpent:
                raise
            except ModelError as failure:
                failures.append(failure)
            else:
                # In a thread: checking takes tens of milliseconds that the event loop has better uses for.
                return await asyncio.to_thread(self._result, draft, alerts, told.evidence, asking, failures, said)
        raise answer_of_none(failures)

    def _result(
        self,
        draft: Draft,
        alerts: Sequence[Alert],
        evidence: EvidenceReport,
        asking: "_Asking",
        failures: Sequence[ModelError],
        said: Sequence[str],
    ) -> AnalysisResult:
        answered = asking.answered
        instead = (Gap(source="model", reason=f"{failure}; {answered} answered instead") for failure in failures)
        return AnalysisResult(
            **check(draft, evidence, _named(alerts), self._prompts.extra, said)._asdict(),
            alert_name=alerts[0].name,
            severity=alerts[0].severity,
            checked_healthy=evidence.healthy,
            gaps=(*evidence.gaps, *instead),
            model=answered,
            usage=usage_of([answer for _, answer in asking.paid]),
            cost_usd=_cost(asking.paid),
            analyzed_at=self._clock.now(),
        )

    def _said(self, alerts: Sequence[Alert], evidence: EvidenceReport) -> Iterator[str]:
        """What the alerts and the user's own texts say beside the evidence."""
        for alert in alerts:
            yield from alert.annotations.values()
        yield self._prompts.own_texts(alerts, evidence)


class _Asking:
    """The questions of one analysis: each within the budget, none paid for twice, all recorded."""

    def __init__(
        self,
        told: Told,
        prompts: Prompts,
        memory: Memory,
        ledger: Ledger,
        clock: Clock,
        record: Record,
        found: Found,
        pace: Pace,
        journal: Journal,
    ) -> None:
        self._told = told
        self._journal = journal
        self.patient = True
        self._pace = pace
        self._found = found
        self._prompts = prompts
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._record = record
        self.paid: Paid = []
        self.answered = ""

    async def within(self, seconds: float, candidate: Candidate) -> Draft:
        """The candidate's draft within so many seconds, all its questions together. Raises a ModelError."""
        try:
            async with asyncio.timeout(seconds):
                return await self._draft(candidate)
        except TimeoutError:
            name = candidate.model.name
            raise ModelUnavailable(f"{name} gave no usable answer within its {seconds:.3g} s") from None

    async def _draft(self, candidate: Candidate) -> Draft:
        """What the model makes of the evidence; of half as much where it says that all is too long for its window."""
        budget = candidate.token_budget
        try:
            return await self._informed(candidate, budget)
        except PromptTooLong:
            if budget <= SMALLEST_BUDGET:
                raise
        return await self._informed(candidate, max(SMALLEST_BUDGET, budget // 2))

    async def _informed(self, candidate: Candidate, budget: int) -> Draft:
        """The draft, after what the model wants to know first and may: each answer is evidence of the next prompt."""
        while True:
            prompt, tools = self._told.question(candidate, budget, self._ledger.alert_usd, self._ledger.usd)
            said = await self._readable(candidate, prompt, tools)
            if isinstance(said, Draft):
                return said
            await self._told.look(said)
            self._found(self._told.evidence)

    async def _readable(self, candidate: Candidate, prompt: Prompt, tools: Sequence[Tool]) -> Draft | Calls:
        """What one answer says, or a second one where the first cannot be read."""
        try:
            return await self._ask(candidate, prompt, tools)
        except ModelUnreadable as problem:
            return await self._ask(candidate, self._prompts.repair(prompt, str(problem)), ())

    async def _ask(self, candidate: Candidate, prompt: Prompt, tools: Sequence[Tool]) -> Draft | Calls:
        offered = ",".join(tool.name for tool in tools)
        key = key_of(f"{candidate.model.name}/{candidate.called}/{offered}", prompt.system, prompt.question)
        before = len(self.paid)
        async with self._memory.asking(key):
            answer = self._memory.find(key, self._clock.now())
            remembered = answer is not None
            if answer is None and (answer := self._journal.left(key)):
                self._ledger.count()
                self._book(candidate, answer)
            if answer is None:
                answer = await self._paid_for(candidate, prompt, tools, key)
            self.answered = answer.model
            try:
                said = _said(candidate, answer, tools)
            except ModelUnreadable as error:
                self._note(candidate, prompt, answer, self.paid[before:], remembered=remembered, error=str(error))
                raise
            if not remembered:
                self._memory.keep(key, answer, self._clock.now())
        self._note(candidate, prompt, answer, self.paid[before:], remembered=remembered)
        return self._told.shown(said) if isinstance(said, Draft) else said

    async def _paid_for(self, candidate: Candidate, prompt: Prompt, tools: Sequence[Tool], key: str) -> Answer:
        """The model's answer, written down before anything else is done: until then a kill pays for it twice."""
        before, tries = len(self.paid), self._tries(candidate, asked := prompt.tokens + size_of(tools))
        try:
            answer = await _answer(candidate.model, prompt, tools, tries)
        except ModelError as error:
            paid = _unreadable(candidate, error)
            if paid:
                self._book(candidate, paid)
            else:
                tries.ended(error)
            if len(self.paid) > before or not isinstance(error, BudgetSpent):
                self._note(candidate, prompt, paid, self.paid[before:], error=str(error))
            if paid:
                await _to_its_end(self._journal.keep(key, paid))
            raise
        except asyncio.CancelledError:  # by the deadline: the question was sent all the same
            tries.ended(None)
            late = f"{candidate.model.name} did not answer in time"
            self._note(candidate, prompt, None, self.paid[before:], error=late)
            raise
        self._book(candidate, answer)
        try:
            await _to_its_end(self._write_down(candidate, key, answer))
        except asyncio.CancelledError:  # by the deadline: it is at hand when the same is asked again
            with contextlib.suppress(ModelUnreadable):
                _said(candidate, answer, tools)
                self._memory.keep(key, answer, self._clock.now())
            late = f"the time of {candidate.model.name} ran out while its answer was written down"
            self._note(candidate, prompt, answer, self.paid[before:], error=late)
            raise
        if answer.input_tokens > asked:
            log.warning("a prompt has more tokens than estimated", counted=answer.input_tokens, estimated=asked)
        return answer

    async def _write_down(self, candidate: Candidate, key: str, answer: Answer) -> None:
        await self._journal.keep(key, answer)
        if candidate.rate:
            await self._pace.add(candidate.provider, answer.output_tokens)

    def _tries(self, candidate: Candidate, asked: int) -> Counted:
        """Counts the requests of a question of so many tokens. One that was in vain was read, and is to be paid."""
        unheard = Answer(text="", model=candidate.model.name, input_tokens=asked)
        return Counted(
            self._ledger,
            lambda: self._wait_for_turn(candidate, asked),
            asked + candidate.answer_tokens,
            lambda: self._book(candidate, unheard),
            patient=self.patient,
        )

    async def _wait_for_turn(self, candidate: Candidate, tokens: int) -> None:
        """Until the provider's rate has room; the candidate's time runs meanwhile."""
        while candidate.rate and (wait := await self._pace.admit(candidate.provider, candidate.rate, tokens)):
            await self._clock.sleep(wait)

    def _book(self, candidate: Candidate, answer: Answer) -> None:
        self._ledger.book(answer.input_tokens + answer.output_tokens, _price(candidate, answer) or 0.0)
        self.paid.append((candidate, answer))

    def _note(
        self,
        candidate: Candidate,
        prompt: Prompt,
        answer: Answer | None,
        paid: Paid,
        *,
        remembered: bool = False,
        error: str = "",
    ) -> None:
        usage = usage_of([each for _, each in paid])
        self._record(
            Exchange(
                at=self._clock.now(),
                model=answer.model if answer else candidate.model.name,
                system=prompt.system,
                question=prompt.question,
                estimated_tokens=prompt.tokens,
                answer=_written(answer) if answer else "",
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cost_usd=_cost(paid),
                remembered=remembered,
                requests=usage.requests,
                error=error,
            )
        )


async def _answer(model: Model, prompt: Prompt, tools: Sequence[Tool], tries: Counted) -> Answer:
    if isinstance(model, TriesAgain):
        return await model.ask_counted(prompt.system, prompt.question, tools, tries)
    await tries.begin()
    if tools and isinstance(model, CallsTools):
        return await model.ask_with(prompt.system, prompt.question, tools)
    return await model.ask(prompt.system, prompt.question)


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for it; who is cancelled meanwhile is so only when it has ended."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _said(candidate: Candidate, answer: Answer, tools: Sequence[Tool]) -> Draft | Calls:
    """What an answer asks for, or says. Raises ModelUnreadable."""
    return answer.calls if tools and answer.calls else _usable(candidate.model.name, answer)


def _written(answer: Answer) -> str:
    """An answer as it is kept: what it says, and what it asks for."""
    return "\n".join(filter(None, (answer.text, *(f"asks {call.tool}({call.arguments})" for call in answer.calls))))


def _unreadable(candidate: Candidate, error: ModelError) -> Answer | None:
    """What an answer without a text took; None where none came, or nobody says what it took."""
    if not isinstance(error, ModelUnreadable) or not error.input_tokens + error.output_tokens:
        return None
    name = candidate.model.name
    return Answer(text="", model=name, input_tokens=error.input_tokens, output_tokens=error.output_tokens)


def _usable(name: str, answer: Answer) -> Draft:
    try:
        draft = read(answer.text)
    except ModelUnreadable as error:
        raise ModelUnreadable(f"{name} answered, but {error}") from None
    if len(draft.summary + draft.root_cause) < FEWEST_CHARACTERS:
        raise ModelUnreadable(f"{name} answered, but it says nothing in words")
    return draft


def _price(candidate: Candidate, answer: Answer) -> float | None:
    return candidate.price.of(usage_of([answer])) if candidate.price else None


def _named(alerts: Sequence[Alert]) -> Iterator[str]:
    """What the alerts are about, by their labels."""
    for alert in alerts:
        yield from alert.labels.values()


def _cost(paid: Paid) -> float | None:
    """What all answers cost together; None where one has no known price."""
    prices = [_price(candidate, answer) for candidate, answer in paid]
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None
