"""DeepSeek, OpenAI, and every endpoint that speaks OpenAI's chat completions, through OpenAI's own SDK.

Imported with the first question (llm/providers/late.py).
"""

import httpx2
from openai import AsyncOpenAI
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIChatModelSettings
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.deepseek import DeepSeekProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

from aiops_processor.llm.asking import ModelOptions, Sleep, http_client
from aiops_processor.llm.providers.chat import ChatModel
from aiops_processor.llm.providers.options import DeepSeekOptions, OpenAIOptions
from aiops_processor.llm.providers.usage import leave_prices_out


class DeepSeekChat(ChatModel):
    """DeepSeek's own API, or one that mirrors it.

    pydantic-ai's profile of its models sends `reasoning_content` back with every tool turn and forces no tool while
    the model thinks; without either, thinking mode answers 400.
    Source: https://api-docs.deepseek.com/guides/thinking_mode
    """

    def __init__(
        self,
        options: DeepSeekOptions,
        sleep: Sleep,
        transport: httpx2.AsyncBaseTransport | None,
    ) -> None:
        leave_prices_out()
        http = http_client(options, transport)
        settings = _settings(options)
        settings["extra_body"] = {"thinking": {"type": "enabled" if options.thinking else "disabled"}}
        provider = DeepSeekProvider(openai_client=_client(options, http))
        chat = OpenAIChatModel(options.model, provider=provider, settings=settings)
        super().__init__("deepseek", options, http, chat, sleep)


class OpenAIChat(ChatModel):
    """OpenAI's API, or any that is compatible with it."""

    def __init__(
        self,
        options: OpenAIOptions,
        sleep: Sleep,
        transport: httpx2.AsyncBaseTransport | None,
    ) -> None:
        leave_prices_out()
        http = http_client(options, transport)
        provider = _openai_provider(options, _client(options, http))
        chat = OpenAIChatModel(options.model, provider=provider, settings=_settings(options))
        super().__init__("openai", options, http, chat, sleep)


def _openai_provider(options: OpenAIOptions, client: AsyncOpenAI) -> OpenAIProvider | OpenAICompatibleProvider:
    """Servers that only imitate OpenAI know `max_tokens`, not all of them its successor."""
    if options.base_url.host == "api.openai.com":
        return OpenAIProvider(openai_client=client)
    profile = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False)
    return OpenAICompatibleProvider("openai-compatible", openai_client=client, profile=profile)


def _client(options: ModelOptions, http: httpx2.AsyncClient) -> AsyncOpenAI:
    client = AsyncOpenAI(
        api_key=options.api_key.get_secret_value() or "none",  # a local server wants none, the SDK wants something
        base_url=str(options.base_url),
        timeout=http.timeout,
        max_retries=0,
        http_client=http,
    )
    # The SDK takes these from the environment; another program's account is none of our business.
    client.organization = client.project = None
    return client


def _settings(options: ModelOptions) -> OpenAIChatModelSettings:
    settings = OpenAIChatModelSettings(temperature=options.temperature, max_tokens=options.max_tokens)
    if options.top_p is not None:
        settings["top_p"] = options.top_p
    return settings
