"""What a model may cost: calls, tokens and money, for one incident and for one day."""

from pydantic import Field

from aiops_processor.errors import BudgetSpent
from aiops_processor.models.analysis import Spent
from aiops_processor.models.base import Frozen


class Limit(Frozen):
    """So much and no more; None is no limit. Tokens count questions and answers together."""

    calls: int | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    usd: float | None = Field(default=None, ge=0)


class Limits(Frozen):
    """The limits of one incident and of one day (UTC).

    `alert_usd`: where an analysis might cost more for each of its alerts, the model may ask for nothing first.
    """

    incident: Limit = Limit()
    day: Limit = Limit()
    alert_usd: float | None = Field(default=None, ge=0)


class Ledger:
    """What is left for one analysis. Asked before every call, so that none begins once a limit is reached."""

    def __init__(self, limits: Limits, incident: Spent, day: Spent) -> None:
        self._sides = (("this incident", limits.incident, incident), ("the day", limits.day, day))
        self._own = Spent()
        self.alert_usd = limits.alert_usd

    @property
    def usd(self) -> float:
        """What this analysis has cost so far, as far as prices are known."""
        return self._own.usd

    def ask_for(self, tokens: int) -> None:
        """Count one more request, whose question has so many tokens. Raises BudgetSpent where it is not covered."""
        for whose, limit, before in self._sides:
            calls, used = before.calls + self._own.calls, before.tokens + self._own.tokens
            if limit.calls is not None and calls >= limit.calls:
                raise BudgetSpent(f"the budget of {whose} is spent: {calls} of {limit.calls} calls")
            if limit.tokens is not None and used + tokens > limit.tokens:
                raise BudgetSpent(f"the budget of {whose} is spent: {used} of {limit.tokens} tokens")
            if limit.usd is not None and (usd := before.usd + self._own.usd) >= limit.usd:
                raise BudgetSpent(f"the budget of {whose} is spent: ${usd:.2f} of ${limit.usd:.2f}")
        self.count()

    def count(self) -> None:
        """One more request: of those that were sent before a kill nobody asks any more."""
        self._own = self._own.model_copy(update={"calls": self._own.calls + 1})

    def give_back(self) -> None:
        """The last request surely cost nothing."""
        self._own = self._own.model_copy(update={"calls": self._own.calls - 1})

    def book(self, tokens: int, usd: float) -> None:
        """What a request took."""
        self._own = Spent(calls=self._own.calls, tokens=self._own.tokens + tokens, usd=self._own.usd + usd)
