"""A model that is made with its first question.

A provider's SDK costs a second of start and 40 MiB, and nothing of it is needed to receive an alert, or to tell it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from aiops_processor.llm.asking import ModelOptions, Tries, Uncounted
from aiops_processor.plugins import Answer, Tool


class Chat(Protocol):
    """What is made: it answers, or asks for tools first."""

    async def ask_counted(self, system: str, question: str, tools: Sequence[Tool], tries: Tries) -> Answer: ...

    async def aclose(self) -> None: ...


class LateModel:
    """Satisfies `plugins.Model`, `plugins.CallsTools` and `TriesAgain`.

    `make` imports what is expensive, and runs in a thread.
    """

    def __init__(self, name: str, options: ModelOptions, make: Callable[[], Chat], *, calls_tools: bool = True) -> None:
        self.name = name
        self.prompt_tokens = options.prompt_tokens
        self.calls_tools = calls_tools
        self.options = options
        self._make = make
        self._making = asyncio.Lock()
        self._made: Chat | None = None

    async def ask(self, system: str, question: str) -> Answer:
        """The model's answer, within `timeout_seconds`. Raises ModelRefused, ModelUnreadable or ModelUnavailable."""
        return await self.ask_with(system, question, ())

    async def ask_with(self, system: str, question: str, tools: Sequence[Tool]) -> Answer:
        """The same, or what the model asks for of these tools first."""
        return await self.ask_counted(system, question, tools, Uncounted())

    async def ask_counted(self, system: str, question: str, tools: Sequence[Tool], tries: Tries) -> Answer:
        """The same; `tries` is told of every request."""
        return await (await self._chat()).ask_counted(system, question, tools, tries)

    async def aclose(self) -> None:
        if self._made is not None:
            await self._made.aclose()

    async def _chat(self) -> Chat:
        async with self._making:
            if self._made is None:
                self._made = await asyncio.to_thread(self._make)
            return self._made
