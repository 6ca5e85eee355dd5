"""DeepSeek's thinking mode on the wire, against a server that keeps its rules and answers 400 where they are broken.

The rules: https://api-docs.deepseek.com/guides/thinking_mode. The words of the refusals are the real ones.
"""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.deepseek import DeepSeekProvider

from aiops_processor.llm.asking import Uncounted
from aiops_processor.llm.providers.openai_chat import DeepSeekChat
from aiops_processor.llm.providers.options import DeepSeekOptions

pytestmark = pytest.mark.anyio

MODELS = pytest.mark.parametrize("name", ["deepseek-v4-pro", "deepseek-flash"])


class Verdict(BaseModel):
    cause: str


class DeepSeekServer:
    """Calls the tool twice and then answers, thinking each time as long as it is not told to stop."""

    def __init__(self) -> None:
        self.thoughts = ["First look at the pool.", "And now at the queue.", "That is it."]
        self.asked: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append(body)
        thinks = body.get("thinking", {}).get("type", "enabled") == "enabled"  # on unless it is switched off
        if thinks and (refusal := _refusal(body)):
            return 400, {"error": {"message": refusal, "type": "invalid_request_error"}}
        turn = sum(message["role"] == "tool" for message in body["messages"])
        thought = {"reasoning_content": self.thoughts[turn]} if thinks else {}
        message = {"role": "assistant", **thought, **_said(body, turn)}
        choice = {"index": 0, "finish_reason": "tool_calls" if message["tool_calls"] else "stop", "message": message}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        about = {"id": "c", "object": "chat.completion", "created": 1, "model": body["model"]}
        return 200, about | {"choices": [choice], "usage": usage}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _refusal(body: dict[str, Any]) -> str:
    choice = body.get("tool_choice", "auto")
    if choice == "required" or isinstance(choice, dict):
        return "Thinking mode does not support this tool_choice"
    called = [message for message in body["messages"] if message.get("tool_calls")]
    if any("reasoning_content" not in message for message in called):
        return "The `reasoning_content` in the thinking mode must be passed back to the API."
    return ""


def _said(body: dict[str, Any], turn: int) -> dict[str, Any]:
    """What it says in a turn: two calls of the first tool, then the answer, in text where there is no tool for it."""
    tools = [tool["function"]["name"] for tool in body.get("tools", [])]
    answer = json.dumps({"cause": "the pool"})
    if not tools:
        return {"content": answer, "tool_calls": None}
    name, arguments = (tools[0], "{}") if turn < 2 else (tools[-1], answer)
    call = {"id": f"call-{turn}", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"content": "", "tool_calls": [call]}


def _handler(server: DeepSeekServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, answer = server.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the name is the base class's

    return Handler


@pytest.fixture
def server() -> Iterator[DeepSeekServer]:
    started = DeepSeekServer()
    yield started
    started.close()


@asynccontextmanager
async def connected(server: DeepSeekServer, name: str, **options: Any) -> AsyncGenerator[DeepSeekChat]:
    given = {"api_key": "sk-1", "base_url": server.url, "model": name, "timeout_seconds": 10, **options}
    model = DeepSeekChat(DeepSeekOptions.model_validate(given), asyncio.sleep, None)
    try:
        yield model
    finally:
        await model.aclose()


def look() -> str:
    """Look at the pool."""
    return "8 of 8 connections in use"


@MODELS
async def test_every_tool_turn_gives_the_thoughts_back_and_forces_no_tool(server: DeepSeekServer, name: str) -> None:
    async with connected(server, name, thinking=True) as model:
        agent = Agent(model.chat, output_type=Verdict, tools=[look])  # its output is a tool, forced wherever it may be
        result = await agent.run("why?")
    assert result.output == Verdict(cause="the pool")
    assert [body["thinking"] for body in server.asked] == [{"type": "enabled"}] * 3
    assert all(body["tools"] for body in server.asked)
    given_back = [message["reasoning_content"] for message in server.asked[-1]["messages"] if "tool_calls" in message]
    assert given_back == server.thoughts[:2]


@pytest.mark.parametrize(
    ("without", "refusal"),
    [
        (OpenAIModelProfile(supports_forced_tool_choice_with_thinking=True), "does not support this tool_choice"),
        (OpenAIModelProfile(openai_chat_send_back_thinking_parts=False), "must be passed back to the API"),
    ],
)
async def test_the_server_of_these_tests_refuses_who_breaks_a_rule(
    server: DeepSeekServer, without: OpenAIModelProfile, refusal: str
) -> None:
    client = AsyncOpenAI(api_key="sk-1", base_url=server.url, max_retries=0)
    broken = OpenAIChatModel("deepseek-v4-pro", provider=DeepSeekProvider(openai_client=client), profile=without)
    with pytest.raises(ModelHTTPError, match=refusal):
        await Agent(broken, output_type=Verdict, tools=[look]).run("why?")
    await client.close()


@MODELS
async def test_a_tool_turn_that_was_not_thought_about_still_has_the_field(server: DeepSeekServer, name: str) -> None:
    server.thoughts[0] = ""
    async with connected(server, name, thinking=True) as model:
        result = await Agent(model.chat, output_type=Verdict, tools=[look]).run("why?")
    assert result.output.cause == "the pool"


@MODELS
async def test_thoughts_are_no_part_of_the_answer(server: DeepSeekServer, name: str) -> None:
    async with connected(server, name, thinking=True) as model:
        answer = await model.ask_counted("be brief", "why?", (), Uncounted())
    assert json.loads(answer.text) == {"cause": "the pool"}
    assert server.asked[0]["thinking"] == {"type": "enabled"}


@MODELS
async def test_unless_it_is_wanted_the_server_is_told_not_to_think(server: DeepSeekServer, name: str) -> None:
    async with connected(server, name) as model:
        await model.ask_counted("be brief", "why?", (), Uncounted())
    assert server.asked[0]["thinking"] == {"type": "disabled"}
