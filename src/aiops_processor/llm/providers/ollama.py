"""Ollama's own chat API.

Not its OpenAI-compatible endpoint, which pydantic-ai speaks: only here can the window be chosen, and a prompt that does
not fit be refused. There the prompt is cut silently to the server's default (4,096 tokens), rules and findings first.
Source: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

import httpx2
import msgspec
from pydantic import BaseModel, HttpUrl
from pydantic_ai.exceptions import ModelHTTPError

from aiops_processor.errors import ModelUnavailable, ModelUnreadable, PromptTooLong
from aiops_processor.llm.asking import Asking, ModelOptions, Sleep, Tries, Uncounted, http_client
from aiops_processor.llm.providers.failures import NEVER_SENT, as_ours
from aiops_processor.plugins import Answer, Tool

CONTEXT_TOKENS = 8192


class OllamaOptions(ModelOptions):
    """`context_tokens` is the window that the server is asked to open; memory grows with it."""

    base_url: HttpUrl = HttpUrl("http://127.0.0.1:11434")
    context_tokens: int | None = CONTEXT_TOKENS


class _Said(msgspec.Struct):
    content: str = ""


class _Reply(msgspec.Struct):
    """What of the answer is of use to us; the counts are absent where the prompt was cached by older servers."""

    message: _Said
    model: str = ""
    done_reason: str = ""
    prompt_eval_count: int = 0
    eval_count: int = 0


class Ollama:
    """A model that an Ollama server runs. Satisfies `plugins.Model` and `TriesAgain`."""

    Options: ClassVar[type[BaseModel]] = OllamaOptions

    def __init__(
        self,
        options: OllamaOptions,
        sleep: Sleep = asyncio.sleep,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = "ollama"
        self.prompt_tokens = options.prompt_tokens
        self.options = options
        self._window = options.context_tokens or CONTEXT_TOKENS
        self._url = f"{str(options.base_url).rstrip('/').removesuffix('/v1')}/api/chat"
        self._http = http_client(options, transport)
        self._who = f"ollama ({options.base_url.host})"
        self._asking = Asking(self._who, options, sleep)

    async def ask(self, system: str, question: str) -> Answer:
        """The model's answer, within `timeout_seconds`. Raises ModelRefused, ModelUnreadable or ModelUnavailable."""
        return await self.ask_counted(system, question, (), Uncounted())

    async def ask_counted(self, system: str, question: str, tools: Sequence[Tool], tries: Tries) -> Answer:  # noqa: ARG002 - it is offered none
        """The same; `tries` is told of every request."""
        return await self._asking.until_answered(lambda: self._ask_once(system, question), tries)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _ask_once(self, system: str, question: str) -> Answer:
        key = self.options.api_key.get_secret_value()
        try:
            response = await self._http.post(
                self._url, json=self._body(system, question), headers={"Authorization": f"Bearer {key}"} if key else {}
            )
        except httpx2.RequestError as error:
            # `from None`: the cause holds the request and its headers.
            free = isinstance(error, NEVER_SENT)
            raise ModelUnavailable(
                f"{self._who} cannot be reached or broke off ({type(error).__name__})", free=free
            ) from None
        if not response.is_success:
            refusal = ModelHTTPError(
                response.status_code, self.options.model, response.text, headers=dict(response.headers)
            )
            raise as_ours(refusal, self._who) from None
        try:
            return self._answer(msgspec.json.decode(response.content, type=_Reply))
        except msgspec.DecodeError:
            raise ModelUnreadable(f"{self._who} sent no chat answer; is OLLAMA_URL right?") from None

    def _body(self, system: str, question: str) -> dict[str, object]:
        options = {
            "num_ctx": self._window,
            "num_predict": self.options.max_tokens,
            "temperature": self.options.temperature,
            **({"top_p": self.options.top_p} if self.options.top_p is not None else {}),
        }
        return {
            "model": self.options.model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": question}],
            "stream": False,
            "format": "json",  # the grammar is enforced while the answer is written: small models need that
            "think": False,  # thoughts come out of num_predict, and leave nothing for the answer
            # Refuse what does not fit, instead of answering from what was left of it.
            "truncate": False,
            "shift": False,
            "options": options,
        }

    def _answer(self, reply: _Reply) -> Answer:
        if reply.prompt_eval_count >= self._window:  # servers before 0.12.6 know no `truncate`
            raise PromptTooLong(f"{self._who} cut the prompt to its window of {self._window} tokens")
        if not reply.message.content.strip():
            reason = reply.done_reason or "no reason"
            cut = f"; raise max_tokens ({self.options.max_tokens})" if reason == "length" else ""
            raise ModelUnreadable(
                f"{self._who} answered without a text ({reason}){cut}", reply.prompt_eval_count, reply.eval_count
            )
        return Answer(
            text=reply.message.content,
            model=reply.model or self.options.model,
            input_tokens=reply.prompt_eval_count,
            output_tokens=reply.eval_count,
        )
