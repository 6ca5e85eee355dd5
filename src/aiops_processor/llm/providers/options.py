"""What can be said of the hosted models."""

from pydantic import HttpUrl

from aiops_processor.llm.asking import ModelOptions


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
