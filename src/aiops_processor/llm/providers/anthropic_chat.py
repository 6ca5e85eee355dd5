"""Anthropic's models, through its own SDK, which the extra `[anthropic]` installs.

Imported with the first question (llm/providers/late.py).
"""

import httpx2
from pydantic_ai.models.anthropic import AnthropicModel, AnthropicModelSettings
from pydantic_ai.providers.anthropic import AnthropicProvider

from aiops_processor.llm.asking import Sleep, http_client
from aiops_processor.llm.providers.chat import ChatModel
from aiops_processor.llm.providers.options import AnthropicOptions
from aiops_processor.llm.providers.usage import leave_prices_out


class AnthropicChat(ChatModel):
    """Anthropic's messages API."""

    def __init__(
        self,
        options: AnthropicOptions,
        sleep: Sleep,
        transport: httpx2.AsyncBaseTransport | None,
    ) -> None:
        leave_prices_out()
        http = http_client(options, transport)
        provider = AnthropicProvider(
            # A key must be given, else the SDK looks for another program's in the environment and in its files.
            api_key=options.api_key.get_secret_value() or "none",
            base_url=str(options.base_url).rstrip("/"),
            http_client=http,  # its time limit is the SDK's, too
        )
        provider.client.max_retries = 0
        chat = AnthropicModel(options.model, provider=provider, settings=_settings(options))
        super().__init__("anthropic", options, http, chat, sleep)


def _settings(options: AnthropicOptions) -> AnthropicModelSettings:
    """Temperature or top-p: newer models refuse both at once."""
    if options.top_p is not None:
        return AnthropicModelSettings(top_p=options.top_p, max_tokens=options.max_tokens)
    return AnthropicModelSettings(temperature=options.temperature, max_tokens=options.max_tokens)
