"""Language models behind one small door: ask, and get a text or one of our own errors within the deadline.

pydantic-ai knows the providers' dialects. Retries and the deadline are ours: the SDK's own retries forget a
`Retry-After` over two minutes, begin each time limit anew, and never say how long to wait.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import ClassVar

import httpx2
from openai import AsyncOpenAI
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, field_validator
from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import ModelRequest, ModelResponse, SystemPromptPart, UserPromptPart
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIChatModelSettings
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.deepseek import DeepSeekProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

from aiops_processor.errors import ModelUnavailable, ModelUnreadable
from aiops_processor.llm.failures import as_ours
from aiops_processor.plugins import Answer

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 8.0
CONNECT_SECONDS = 5.0

Sleep = Callable[[float], Awaitable[None]]


class ModelOptions(BaseModel):
    """How a model is reached and asked.

    `timeout_seconds` is for one question, all tries and waits together. `max_retries` counts the tries after the first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: SecretStr = SecretStr("")
    model: str = Field(min_length=1)
    base_url: HttpUrl
    timeout_seconds: float = Field(default=60, gt=0)
    max_retries: int = Field(default=3, ge=0, le=10)
    temperature: float = Field(default=0.1, ge=0, le=2)
    max_tokens: int = Field(default=2000, gt=0)

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr) -> SecretStr:
        """Anything else fails while the request is built, in an error that quotes the key."""
        value = key.get_secret_value().strip()
        if not (value.isascii() and (value.isprintable() and " " not in value)):
            raise ValueError("holds characters that no key has; was it copied whole?")
        return SecretStr(value)


class DeepSeekOptions(ModelOptions):
    """DeepSeek's models think by default, out of `max_tokens`, and then leave the answer empty: off unless wanted."""

    model: str = "deepseek-v4-pro"
    base_url: HttpUrl = HttpUrl("https://api.deepseek.com")
    thinking: bool = False


class OpenAIOptions(ModelOptions):
    """OpenAI, and every endpoint that speaks its protocol (vLLM, LiteLLM proxy, …) by its base URL."""

    base_url: HttpUrl = HttpUrl("https://api.openai.com/v1")


class ChatModel:
    """A model that speaks the chat completions protocol. Satisfies `plugins.Model`."""

    def __init__(
        self,
        name: str,
        options: ModelOptions,
        http: httpx2.AsyncClient,
        chat: OpenAIChatModel,
        sleep: Sleep,
    ) -> None:
        self.name = name
        self._options = options
        self._http = http
        self._chat = chat
        self._sleep = sleep
        self._who = f"{name} ({options.base_url.host})"

    async def ask(self, system: str, question: str) -> Answer:
        """The model's answer, within `timeout_seconds`. Raises ModelRefused, ModelUnreadable or ModelUnavailable."""
        limit = self._options.timeout_seconds
        try:
            async with asyncio.timeout(limit) as deadline:
                return await self._try_until(deadline, system, question)
        except TimeoutError:
            raise ModelUnavailable(f"{self._who} did not answer within {limit:g} s") from None

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _try_until(self, deadline: asyncio.Timeout, system: str, question: str) -> Answer:
        for tried in range(self._options.max_retries + 1):
            try:
                return await self._ask_once(system, question)
            except ModelUnavailable as error:
                wait = error.retry_after if error.retry_after is not None else _back_off(tried)
                # A wait that would outlast the deadline is the caller's to plan, not ours to sit out.
                if tried == self._options.max_retries or wait >= _seconds_left(deadline):
                    raise
                await self._sleep(wait)
        raise AssertionError("unreachable: the last try returns or raises")

    async def _ask_once(self, system: str, question: str) -> Answer:
        request = ModelRequest(parts=[SystemPromptPart(system), UserPromptPart(question)])
        try:
            response = await model_request(self._chat, [request])
        except AgentRunError as error:
            # `from None`: the cause holds the request and its headers.
            raise as_ours(error, self._who) from None
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            # pydantic-ai reads `choices[0].message` of whatever JSON came, an empty list too.
            raise ModelUnreadable(f"{self._who} sent no chat completion ({type(error).__name__})") from None
        return self._answer(response)

    def _answer(self, response: ModelResponse) -> Answer:
        text = response.text
        if not text or not text.strip():
            cut = f"; raise max_tokens ({self._options.max_tokens})" if response.finish_reason == "length" else ""
            raise ModelUnreadable(f"{self._who} answered without a text ({response.finish_reason or 'no reason'}){cut}")
        usage = response.usage
        return Answer(
            text=text,
            model=response.model_name or self._options.model,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
        )


class DeepSeek(ChatModel):
    """DeepSeek's own API, or one that mirrors it."""

    Options: ClassVar[type[BaseModel]] = DeepSeekOptions

    def __init__(
        self,
        options: DeepSeekOptions,
        sleep: Sleep = asyncio.sleep,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        http = _http(options, transport)
        settings = _settings(options)
        settings["extra_body"] = {"thinking": {"type": "enabled" if options.thinking else "disabled"}}
        provider = DeepSeekProvider(openai_client=_client(options, http))
        chat = OpenAIChatModel(options.model, provider=provider, settings=settings)
        super().__init__("deepseek", options, http, chat, sleep)


class OpenAI(ChatModel):
    """OpenAI's API, or any that is compatible with it."""

    Options: ClassVar[type[BaseModel]] = OpenAIOptions

    def __init__(
        self,
        options: OpenAIOptions,
        sleep: Sleep = asyncio.sleep,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        http = _http(options, transport)
        provider = _openai_provider(options, _client(options, http))
        chat = OpenAIChatModel(options.model, provider=provider, settings=_settings(options))
        super().__init__("openai", options, http, chat, sleep)


def _openai_provider(options: OpenAIOptions, client: AsyncOpenAI) -> OpenAIProvider | OpenAICompatibleProvider:
    """Servers that only imitate OpenAI know `max_tokens`, not all of them its successor."""
    if options.base_url.host == "api.openai.com":
        return OpenAIProvider(openai_client=client)
    profile = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False)
    return OpenAICompatibleProvider("openai-compatible", openai_client=client, profile=profile)


def _http(options: ModelOptions, transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    """Our own client: it follows no redirect, so the key goes to the configured host alone."""
    limit = options.timeout_seconds
    return httpx2.AsyncClient(
        transport=transport, timeout=httpx2.Timeout(limit, connect=min(CONNECT_SECONDS, limit)), follow_redirects=False
    )


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
    return OpenAIChatModelSettings(temperature=options.temperature, max_tokens=options.max_tokens)


def _back_off(tried: int) -> float:
    """Seconds before the next try, doubling, spread so that many workers do not come back at once."""
    longest = min(FIRST_WAIT_SECONDS * 2**tried, LONGEST_WAIT_SECONDS)
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, guards nothing


def _seconds_left(deadline: asyncio.Timeout) -> float:
    when = deadline.when()
    return float("inf") if when is None else when - asyncio.get_running_loop().time()
