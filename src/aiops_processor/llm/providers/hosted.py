"""The models of DeepSeek, OpenAI and Anthropic, each with an SDK that is loaded once it is needed."""

import asyncio
from importlib.util import find_spec
from typing import ClassVar

import httpx2
from pydantic import BaseModel

from aiops_processor.errors import PluginError
from aiops_processor.llm.asking import Sleep
from aiops_processor.llm.providers.late import Chat, LateModel
from aiops_processor.llm.providers.options import AnthropicOptions, DeepSeekOptions, OpenAIOptions


class DeepSeek(LateModel):
    """DeepSeek's own API, or one that mirrors it. While it thinks it is offered no tools of ours."""

    Options: ClassVar[type[BaseModel]] = DeepSeekOptions

    def __init__(
        self,
        options: DeepSeekOptions,
        sleep: Sleep = asyncio.sleep,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        def make() -> Chat:
            from aiops_processor.llm.providers.openai_chat import DeepSeekChat  # noqa: PLC0415 - the SDK, once it is needed

            return DeepSeekChat(options, sleep, transport)

        super().__init__("deepseek", options, make, calls_tools=not options.thinking)


class OpenAI(LateModel):
    """OpenAI's API, or any that is compatible with it."""

    Options: ClassVar[type[BaseModel]] = OpenAIOptions

    def __init__(
        self,
        options: OpenAIOptions,
        sleep: Sleep = asyncio.sleep,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        def make() -> Chat:
            from aiops_processor.llm.providers.openai_chat import OpenAIChat  # noqa: PLC0415 - the SDK, once it is needed

            return OpenAIChat(options, sleep, transport)

        super().__init__("openai", options, make)


class Anthropic(LateModel):
    """Anthropic's messages API. Raises PluginError without the extra that brings its SDK."""

    Options: ClassVar[type[BaseModel]] = AnthropicOptions

    def __init__(
        self,
        options: AnthropicOptions,
        sleep: Sleep = asyncio.sleep,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        if find_spec("anthropic") is None:
            raise PluginError("model anthropic needs its SDK: pip install aiops-processor[anthropic]")

        def make() -> Chat:
            from aiops_processor.llm.providers.anthropic_chat import AnthropicChat  # noqa: PLC0415 - the SDK, once it is needed

            return AnthropicChat(options, sleep, transport)

        super().__init__("anthropic", options, make)
