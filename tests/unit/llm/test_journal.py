"""An answer is written down before anything is done with it, and after a kill it is not asked for again."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor.clock import ReplayClock
from aiops_processor.errors import BudgetSpent, ModelUnreadable
from aiops_processor.llm.budget import Limit, Limits
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Candidate, Lineup
from aiops_processor.models.analysis import Exchange
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.notification import Message
from aiops_processor.plugins import Answer

pytestmark = pytest.mark.anyio

Scripted = Callable[..., Any]


class Killed(BaseException):
    """Nothing after it happens."""


class Journal:
    """Keeps answers; after so many it is killed."""

    def __init__(self, kept: list[tuple[str, Answer]], killed_at: int = 99) -> None:
        self.kept = kept
        self._left = list(kept)
        self._killed_at = killed_at

    def left(self, key: str) -> Answer | None:
        found = next((each for each in self._left if each[0] == key), None)
        if found:
            self._left.remove(found)
        return found[1] if found else None

    async def keep(self, key: str, answer: Answer) -> None:
        self.kept.append((key, answer))
        if len(self.kept) == self._killed_at:
            raise Killed


async def test_what_was_answered_before_a_kill_is_not_paid_for_again_and_counts_once(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    kept: list[tuple[str, Answer]] = []
    killed = scripted("nonsense", good)
    with pytest.raises(Killed):
        await Explainer(Lineup([Candidate(killed)]), clock).explain(
            message.alerts, evidence, journal=Journal(kept, killed_at=2)
        )
    assert len(killed.questions) == 2

    again, record = scripted(), list[Exchange]()
    result = await Explainer(Lineup([Candidate(again)]), clock).explain(
        message.alerts, evidence, record.append, journal=Journal(kept)
    )
    assert again.questions == [], "neither the question nor the second chance"
    assert result.summary
    assert (result.usage.requests, result.usage.input_tokens) == (2, 2000)
    assert [(each.requests, each.remembered) for each in record] == [(1, False), (1, False)]
    assert len(kept) == 2, "what was written down before is not written down again"


async def test_what_was_answered_before_a_kill_counts_against_the_limit_of_calls(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    kept: list[tuple[str, Answer]] = []
    with pytest.raises(Killed):
        await Explainer(Lineup([Candidate(scripted("nonsense"))]), clock).explain(
            message.alerts, evidence, journal=Journal(kept, killed_at=1)
        )

    again, limits = scripted(good), Limits(incident=Limit(calls=1))
    with pytest.raises(BudgetSpent, match="1 of 1 calls"):
        await Explainer(Lineup([Candidate(again)]), clock, limits=limits).explain(
            message.alerts, evidence, journal=Journal(kept)
        )
    assert again.questions == [], "the second chance would be the second call"


class Slow(Journal):
    """Is still writing when the time is up."""

    def __init__(self, kept: list[tuple[str, Answer]]) -> None:
        super().__init__(kept)
        self.writes = asyncio.Event()
        self.ends = asyncio.Event()

    async def keep(self, key: str, answer: Answer) -> None:
        self.writes.set()
        await self.ends.wait()
        await super().keep(key, answer)


@pytest.mark.parametrize("said", ["an answer", "nothing that can be read"])
async def test_an_answer_that_is_being_written_down_when_the_time_is_up_is_not_lost(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock, said: str
) -> None:
    first = good if said == "an answer" else ModelUnreadable("no text", 2000, 9)
    model, record = scripted(first, good), list[Exchange]()
    kept: list[tuple[str, Answer]] = []
    journal, explainer = Slow(kept), Explainer(Lineup([Candidate(model)]), clock)
    asking = asyncio.create_task(explainer.explain(message.alerts, evidence, record.append, journal=journal))
    await journal.writes.wait()
    asking.cancel()  # as the deadline does
    await asyncio.sleep(0)
    journal.ends.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert [answer.input_tokens for _, answer in kept] == [1000 if said == "an answer" else 2000]
    assert [(each.requests, bool(each.error)) for each in record] == [(1, True)], "it was paid for"

    result = await explainer.explain(message.alerts, evidence, record.append)
    assert result.summary
    assert len(model.questions) == (1 if said == "an answer" else 2), "what could be read is not paid for again"


async def test_an_answer_without_a_text_is_written_down_too(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    kept: list[tuple[str, Answer]] = []
    model = scripted(ModelUnreadable("no text", 2000, 9), good)
    await Explainer(Lineup([Candidate(model)]), clock).explain(message.alerts, evidence, journal=Journal(kept))
    assert [(answer.text == "", answer.input_tokens) for _, answer in kept] == [(True, 2000), (False, 1000)]


async def test_what_is_asked_otherwise_is_asked(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    kept: list[tuple[str, Answer]] = []
    await Explainer(Lineup([Candidate(scripted(good))]), clock).explain(message.alerts, evidence, journal=Journal(kept))
    model = scripted(good)
    fewer = evidence.model_copy(update={"findings": evidence.findings[:1]})
    await Explainer(Lineup([Candidate(model)]), clock).explain(message.alerts, fewer, journal=Journal(kept))
    assert len(model.questions) == 1
