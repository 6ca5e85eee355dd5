"""A model that pydantic-ai knows how to speak to, behind our small door: ask, and get a text or one of our own errors.

Knows no provider's SDK: which of them is loaded is the providers' own business.
"""

from collections.abc import Iterator, Sequence

import httpx2
from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import ModelRequest, ModelResponse, SystemPromptPart, ToolCallPart, UserPromptPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.tools import ToolDefinition

from aiops_processor.errors import ModelUnreadable
from aiops_processor.llm.asking import Asking, ModelOptions, Sleep, Tries
from aiops_processor.llm.providers.failures import as_ours
from aiops_processor.plugins import Answer, Call, Tool


class ChatModel:
    """Any model of pydantic-ai."""

    def __init__(
        self,
        name: str,
        options: ModelOptions,
        http: httpx2.AsyncClient,
        chat: Model,
        sleep: Sleep,
    ) -> None:
        self.chat = chat
        self._options = options
        self._http = http
        self._who = f"{name} ({options.base_url.host})"
        self._asking = Asking(self._who, options, sleep)

    async def ask_counted(self, system: str, question: str, tools: Sequence[Tool], tries: Tries) -> Answer:
        """The model's answer, or what it asks for of these tools first, within `timeout_seconds`.

        Raises ModelRefused, ModelUnreadable or ModelUnavailable.
        """
        return await self._asking.until_answered(lambda: self._ask_once(system, question, tools), tries)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _ask_once(self, system: str, question: str, tools: Sequence[Tool]) -> Answer:
        request = ModelRequest(parts=[SystemPromptPart(system), UserPromptPart(question)])
        try:
            response = await model_request(self.chat, [request], model_request_parameters=_offering(tools))
        except AgentRunError as error:
            # `from None`: the cause holds the request and its headers.
            raise as_ours(error, self._who) from None
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            # pydantic-ai reads `choices[0].message` of whatever JSON came, an empty list too.
            raise ModelUnreadable(f"{self._who} sent no chat completion ({type(error).__name__})") from None
        return self._answer(response, frozenset(tool.name for tool in tools))

    def _answer(self, response: ModelResponse, offered: frozenset[str]) -> Answer:
        usage = response.usage
        calls = tuple(
            Call(tool=part.tool_name, arguments=part.args_as_json_str())
            for part in response.parts
            if isinstance(part, ToolCallPart) and part.tool_name in offered
        )
        text = response.text or ("" if calls else next(_arguments(response), ""))
        if not (calls or text.strip()):
            cut = f"; raise max_tokens ({self._options.max_tokens})" if response.finish_reason == "length" else ""
            raise ModelUnreadable(
                f"{self._who} answered without a text ({response.finish_reason or 'no reason'}){cut}",
                usage.input_tokens,
                usage.output_tokens,
            )
        return Answer(
            text=text.encode("utf-8", "replace").decode(),  # half of a surrogate pair, where it was cut, is no text
            model=response.model_name or self._options.model,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            calls=calls,
        )


def _offering(tools: Sequence[Tool]) -> ModelRequestParameters | None:
    if not tools:
        return None
    defined = [
        ToolDefinition(name=tool.name, description=tool.about, parameters_json_schema=tool.parameters, strict=False)
        for tool in tools
    ]
    return ModelRequestParameters(function_tools=defined)


def _arguments(response: ModelResponse) -> Iterator[str]:
    """What a model passed to a tool that nobody offered: some answer so when they are asked for JSON."""
    return (part.args_as_json_str() for part in response.parts if isinstance(part, ToolCallPart))
