"""The models of DeepSeek, OpenAI and Anthropic: what can be said of them, and what asks them, once it is needed."""

import asyncio
from importlib.util import find_spec
from typing import ClassVar

import httpx2
from pydantic import BaseModel, HttpUrl

from aiops_processor.errors import PluginError
from aiops_processor.llm.asking import ModelOptions, Sleep
from aiops_processor.llm.providers.late import Chat, LateModel


class DeepSeekOptions(ModelOptions):
    """DeepSeek's models think by default, out of `max_tokens`, and then leave the answer empty: off unless wanted."""

    model: str = "deepseek-v4-pro"
    base_url: HttpUrl = HttpUrl("https://api.deepseek.com")
    thinking: bool = False


class OpenAIOptions(ModelOptions):
    """OpenAI, and every endpoint that speaks its protocol (vLLM, LiteLLM proxy, …) by its base URL."""

    base_url: HttpUrl = HttpUrl("https://api.openai.com/v1")


class AnthropicOptions(ModelOptions):
    """Anthropic, or an endpoint that mirrors its messages API."""

    base_url: HttpUrl = HttpUrl("https://api.anthropic.com")


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
