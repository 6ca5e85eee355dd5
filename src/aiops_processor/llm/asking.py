"""One question to one model: how it is reached, how often it is tried and when that ends.

Retries and the deadline are ours: the SDKs' own retries forget a `Retry-After` over two minutes, begin each time limit
anew, and never say how long to wait.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, runtime_checkable

import httpx2
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, field_validator

from aiops_processor.errors import ModelUnavailable
from aiops_processor.llm.providers.bounded import BoundedClient
from aiops_processor.plugins import Answer, Tool

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 8.0
CONNECT_SECONDS = 5.0

Sleep = Callable[[float], Awaitable[None]]


class ModelOptions(BaseModel):
    """How a model is reached and asked.

    `timeout_seconds` is for one question, all tries and waits together. `max_retries` counts the tries after the first.
    `context_tokens` is the model's window, prompt and answer together, None where it is not known or far larger.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: SecretStr = SecretStr("")
    model: str = Field(min_length=1)
    base_url: HttpUrl
    timeout_seconds: float = Field(default=60, gt=0)
    max_retries: int = Field(default=3, ge=0, le=10)
    temperature: float = Field(default=0.1, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int = Field(default=2000, gt=0)
    context_tokens: int | None = Field(default=None, gt=0)

    @property
    def prompt_tokens(self) -> int | None:
        """What of the window is left for the prompt."""
        return None if self.context_tokens is None else self.context_tokens - self.max_tokens

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr) -> SecretStr:
        """Anything else fails while the request is built, in an error that quotes the key."""
        value = key.get_secret_value().strip()
        if not (value.isascii() and (value.isprintable() and " " not in value)):
            raise ValueError("holds characters that no key has; was it copied whole?")
        return SecretStr(value)


class Tries(Protocol):
    """Who counts the requests that one question takes."""

    async def begin(self) -> None:
        """Awaited before every request; a ModelError that it raises is the end of the question."""
        ...

    def again(self, failure: ModelUnavailable) -> bool:
        """Whether the question may be tried again after this."""
        ...


class Uncounted:
    """Lets every request go."""

    async def begin(self) -> None:
        """Nothing is counted."""

    def again(self, failure: ModelUnavailable) -> bool:  # noqa: ARG002 - the protocol's
        return True


@runtime_checkable
class TriesAgain(Protocol):
    """A model that sends more than one request for a question, and tells of each."""

    async def ask_counted(self, system: str, question: str, tools: Sequence[Tool], tries: Tries) -> Answer: ...


class Asking:
    """Asks until there is an answer or the time is up: tries again what may pass, waits as long as it was asked to."""

    def __init__(self, who: str, options: ModelOptions, sleep: Sleep) -> None:
        self._who = who
        self._limit = options.timeout_seconds
        self._max_retries = options.max_retries
        self._sleep = sleep

    async def until_answered(self, ask_once: Callable[[], Awaitable[Answer]], tries: Tries) -> Answer:
        """The answer, within the time limit. Raises what the last try raised, or ModelUnavailable."""
        await tries.begin()  # outside of the limit: what the first request waits for is not the model's time
        try:
            async with asyncio.timeout(self._limit) as deadline:
                return await self._try_until(deadline, ask_once, tries)
        except TimeoutError:
            raise ModelUnavailable(f"{self._who} did not answer within {self._limit:g} s") from None

    async def _try_until(
        self, deadline: asyncio.Timeout, ask_once: Callable[[], Awaitable[Answer]], tries: Tries
    ) -> Answer:
        for tried in range(self._max_retries + 1):
            try:
                return await ask_once()
            except ModelUnavailable as error:
                wait = error.retry_after if error.retry_after is not None else _back_off(tried)
                # A wait that would outlast the deadline is the caller's to plan, not ours to sit out.
                may = tries.again(error) and tried < self._max_retries
                if not may or wait >= _seconds_left(deadline):
                    raise
                await self._sleep(wait)
                await tries.begin()
        raise AssertionError("unreachable: the last try returns or raises")


def http_client(options: ModelOptions, transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    """Our own client: it follows no redirect, so the key goes to the configured host alone."""
    limit = options.timeout_seconds
    return BoundedClient(
        transport=transport, timeout=httpx2.Timeout(limit, connect=min(CONNECT_SECONDS, limit)), follow_redirects=False
    )


def _back_off(tried: int) -> float:
    """Seconds before the next try, doubling, spread so that many workers do not come back at once."""
    longest = min(FIRST_WAIT_SECONDS * 2**tried, LONGEST_WAIT_SECONDS)
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, guards nothing


def _seconds_left(deadline: asyncio.Timeout) -> float:
    when = deadline.when()
    return float("inf") if when is None else when - asyncio.get_running_loop().time()
