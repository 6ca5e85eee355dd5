"""The requests that one question takes: each is counted before it is sent, for each may have to be paid."""

from collections.abc import Awaitable, Callable

from aiops_processor.errors import ModelError, ModelRefused, ModelUnavailable
from aiops_processor.llm.budget import Ledger


class Counted:
    """Holds them against the budget and the provider's rate. Satisfies `asking.Tries`.

    `turn` waits until the provider's rate has room. `tokens` is what the budget must cover for one request. `in_vain`
    is told of each that was sent, has no answer, and may have been paid for. Not `patient`: there is one try alone.
    """

    def __init__(
        self,
        ledger: Ledger,
        turn: Callable[[], Awaitable[None]],
        tokens: int,
        in_vain: Callable[[], None],
        *,
        patient: bool,
    ) -> None:
        self._ledger = ledger
        self._turn = turn
        self._tokens = tokens
        self._in_vain = in_vain
        self._patient = patient
        self._under_way = False

    async def begin(self) -> None:
        """Wait for the turn and count one more request. Raises BudgetSpent where it is not covered."""
        await self._turn()
        self._ledger.ask_for(self._tokens)
        self._under_way = True

    def again(self, failure: ModelUnavailable) -> bool:
        """The request has failed; whether another may follow."""
        self.ended(failure)
        return self._patient

    def ended(self, failure: ModelError | None) -> None:
        """The request under way, if one is, has no answer; None where it was cut off."""
        if not self._under_way:
            return
        self._under_way = False
        if isinstance(failure, ModelRefused) or (isinstance(failure, ModelUnavailable) and failure.free):
            self._ledger.give_back()
        else:
            self._in_vain()
