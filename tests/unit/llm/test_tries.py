"""Every request that may have to be paid counts: tries after a failure, second chances, models that follow."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from aiops_processor.clock import ReplayClock
from aiops_processor.errors import BudgetSpent, ModelRefused, ModelUnavailable
from aiops_processor.llm.budget import Limit, Limits
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Candidate, Lineup, Price
from aiops_processor.llm.pace import Rate
from aiops_processor.llm.providers.hosted import DeepSeek
from aiops_processor.llm.providers.options import DeepSeekOptions
from aiops_processor.models.analysis import Exchange, Spent
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.notification import Message

pytestmark = pytest.mark.anyio

Scripted = Callable[..., Any]
PRICE = Price(input_usd=1000, output_usd=1000)


class Server:
    """Answers a model's requests one after the other, the last answer for ever; a number is a status."""

    def __init__(self, good: str, *said: int | Exception) -> None:
        self.asked = 0
        self._said = iter(said)
        self._last: int | Exception = 200
        self._good = good

    def model(self) -> DeepSeek:
        async def no_wait(_: float) -> None:
            """The waits are none of these tests' business."""

        return DeepSeek(DeepSeekOptions(api_key=SecretStr("sk-x")), no_wait, httpx2.MockTransport(self._answer))

    def _answer(self, _: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        self._last = next(self._said, self._last)
        if isinstance(self._last, Exception):
            raise self._last
        message = {"role": "assistant", "content": self._good}
        body = {
            "id": "1", "object": "chat.completion", "created": 1, "model": "m-1",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200},
        }  # fmt: skip
        return httpx2.Response(self._last, json=body)


BROKEN = httpx2.ReadError("broke off")
UNREACHED = httpx2.ConnectError("refused")


@pytest.mark.parametrize(
    ("failures", "counted"),
    [
        ([500, 500], 3),
        ([502, 504, BROKEN], 4),
        ([429, 503, UNREACHED], 1),
        ([429, 500], 2),
    ],
)
async def test_tries_that_may_have_to_be_paid_are_counted_with_the_answer(
    good: str,
    message: Message,
    evidence: EvidenceReport,
    clock: ReplayClock,
    failures: list[int | Exception],
    counted: int,
) -> None:
    server, record = Server(good, *failures, 200), list[Exchange]()
    explainer = Explainer(Lineup([Candidate(server.model(), price=PRICE)]), clock)
    result = await explainer.explain(message.alerts, evidence, record.append)
    assert server.asked == len(failures) + 1
    assert result.usage.requests == counted
    (exchange,) = record
    assert exchange.requests == counted
    read = exchange.estimated_tokens * (counted - 1)
    assert (exchange.input_tokens, result.usage.input_tokens) == (1000 + read, 1000 + read)
    assert exchange.cost_usd == result.cost_usd == pytest.approx((1200 + read) / 1000)


@pytest.mark.parametrize("whose", ["incident", "day"])
async def test_no_try_is_sent_beyond_a_limit(
    good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock, whose: str
) -> None:
    server, record = Server(good, 500), list[Exchange]()
    limits = Limits.model_validate({whose: Limit(calls=3)})
    incident, day = (Spent(calls=1), None) if whose == "incident" else (None, Spent(calls=1))
    with pytest.raises(BudgetSpent, match="3 of 3 calls"):
        await Explainer(Lineup([Candidate(server.model())]), clock, limits=limits).explain(
            message.alerts, evidence, record.append, incident, day
        )
    assert server.asked == 2
    assert [each.requests for each in record] == [2]


async def test_money_that_tries_in_vain_may_have_cost_counts(
    good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    server = Server(good, 500)
    limits = Limits(incident=Limit(usd=1.0))
    with pytest.raises(BudgetSpent):
        await Explainer(Lineup([Candidate(server.model(), price=PRICE)]), clock, limits=limits).explain(
            message.alerts, evidence
        )
    assert server.asked == 1


async def test_what_surely_cost_nothing_leaves_the_budget_as_it_was(
    good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    server, record = Server(good, 429), list[Exchange]()
    limits = Limits(incident=Limit(calls=1))
    with pytest.raises(ModelUnavailable, match="rate limit"):
        await Explainer(Lineup([Candidate(server.model())]), clock, limits=limits).explain(
            message.alerts, evidence, record.append
        )
    assert [each.requests for each in record] == [0]


async def test_second_chances_and_the_models_that_follow_are_counted(
    scripted: Scripted, good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    first, second, third = scripted("no", "no again"), scripted(ModelRefused("no key")), scripted(good)
    lineup = Lineup([Candidate(first), Candidate(second), Candidate(third)])
    result = await Explainer(lineup, clock, limits=Limits(incident=Limit(calls=3))).explain(message.alerts, evidence)
    assert result.usage.requests == 3, "the refusal cost nothing"

    first, third = scripted("no", "no again"), scripted(good)
    with pytest.raises(BudgetSpent):
        await Explainer(
            Lineup([Candidate(first), Candidate(third)]), clock, limits=Limits(incident=Limit(calls=2))
        ).explain(message.alerts, evidence)
    assert third.questions == []


async def test_who_asks_again_later_asks_once(
    good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    server = Server(good, 500)
    with pytest.raises(ModelUnavailable):
        await Explainer(Lineup([Candidate(server.model())]), clock).explain(message.alerts, evidence, patient=False)
    assert server.asked == 1


class Counts:
    """A provider's rate with room for all, that counts."""

    def __init__(self) -> None:
        self.admitted: list[str] = []

    async def admit(self, provider: str, rate: Rate, tokens: int) -> float:
        del rate, tokens
        self.admitted.append(provider)
        return 0.0

    async def add(self, provider: str, tokens: int) -> None:
        """Tokens are not looked at here."""


async def test_every_request_counts_against_the_providers_rate(
    good: str, message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    server, pace = Server(good, 429, 500, 200), Counts()
    candidate = Candidate(server.model(), provider="deepseek", rate=Rate(requests=60))
    await Explainer(Lineup([candidate]), clock, pace=pace).explain(message.alerts, evidence)
    assert pace.admitted == ["deepseek"] * 3
