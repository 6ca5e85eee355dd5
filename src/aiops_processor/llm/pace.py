"""How many questions and tokens a provider may be sent in a minute."""

from typing import Protocol

from pydantic import Field

from aiops_processor.models.base import Frozen

WINDOW_SECONDS = 60.0


class Rate(Frozen):
    """What a provider takes in any minute; None is no limit. Tokens count questions and answers together."""

    requests: int | None = Field(default=None, ge=1)
    tokens: int | None = Field(default=None, ge=1)


class Used(Frozen):
    """What was sent to a provider in the last minute: (seconds ago, requests, tokens), oldest first."""

    sent: tuple[tuple[float, int, int], ...] = ()


class Pace(Protocol):
    """Who keeps count for one process, or for all of them together."""

    async def admit(self, provider: str, rate: Rate, tokens: int) -> float:
        """0 where a question of so many tokens may go now: it is counted. Else the seconds until it may."""
        ...

    async def add(self, provider: str, tokens: int) -> None:
        """Count the tokens of an answer. A store that is away is no error: the answer is paid for."""
        ...


class Unlimited:
    """Keeps no count; for a process that is asked for one thing alone."""

    async def admit(self, provider: str, rate: Rate, tokens: int) -> float:  # noqa: ARG002 - the protocol's
        return 0.0

    async def add(self, provider: str, tokens: int) -> None:
        """Nothing is counted."""


def wait(used: Used, rate: Rate, tokens: int) -> float:
    """The seconds until a question of so many tokens fits into the rate; 0 where it does now.

    One that is larger than the rate itself goes when nothing else was sent: it would wait for ever.
    """
    requests, counted = sum(each[1] for each in used.sent), sum(each[2] for each in used.sent)
    passed = 0.0
    for ago, sent, size in used.sent:
        if (rate.requests is None or requests < rate.requests) and (
            rate.tokens is None or counted + tokens <= rate.tokens
        ):
            return passed
        requests, counted, passed = requests - sent, counted - size, max(0.001, WINDOW_SECONDS - ago)
    return passed
