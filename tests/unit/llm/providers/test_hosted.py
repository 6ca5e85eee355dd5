import asyncio
import json
from collections.abc import Iterator
from typing import Any, cast

import httpx2
import pytest
from pydantic_ai.profiles.openai import OpenAIModelProfile

from aiops_processor import plugins
from aiops_processor.errors import ModelError, ModelRefused, ModelUnavailable, ModelUnreadable, PluginError
from aiops_processor.llm.providers.hosted import DeepSeek, OpenAI
from aiops_processor.llm.providers.openai_chat import DeepSeekChat
from aiops_processor.llm.providers.options import DeepSeekOptions, OpenAIOptions
from aiops_processor.plugins import Tool

pytestmark = pytest.mark.anyio

KEY = "sk-KEEP-THIS-SECRET"


def completion(text: str | None = "hello", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", **more}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    return {"id": "1", "object": "chat.completion", "model": "m-1", "choices": [choice], "usage": usage}


class Server:
    """Answers with the given responses, one a request, and remembers the requests; the last answer is repeated."""

    def __init__(self, *responses: httpx2.Response | Exception) -> None:
        self._responses: Iterator[httpx2.Response | Exception] = iter(responses)
        self._last: httpx2.Response | Exception = httpx2.Response(500)
        self.requests: list[httpx2.Request] = []
        self.waits: list[float] = []

    @property
    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self._answer)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def body(self) -> dict[str, Any]:
        return json.loads(self.requests[-1].content)

    def deepseek(self, **options: Any) -> DeepSeek:
        return DeepSeek(DeepSeekOptions(api_key=KEY, **options), self.sleep, self.transport)

    def openai(self, **options: Any) -> OpenAI:
        return OpenAI(OpenAIOptions(api_key=KEY, model="m", **options), self.sleep, self.transport)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        self._last = next(self._responses, self._last)
        if isinstance(self._last, Exception):
            raise self._last
        return self._last


def ok() -> httpx2.Response:
    return httpx2.Response(200, json=completion())


async def test_an_answer_comes_with_model_and_tokens() -> None:
    server = Server(ok())
    answer = await server.deepseek().ask("be brief", "why?")
    assert (answer.text, answer.model, answer.input_tokens, answer.output_tokens) == ("hello", "m-1", 11, 7)
    assert server.body()["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "why?"},
    ]
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_half_of_a_surrogate_pair_spoils_no_answer() -> None:
    body = json.dumps(completion("down \ud83d")).encode()
    server = Server(httpx2.Response(200, content=body, headers={"Content-Type": "application/json"}))
    assert (await server.openai().ask("be brief", "why?")).text == "down ?"


async def test_deepseek_is_asked_at_its_own_address_without_thinking_unless_wanted() -> None:
    server = Server(ok())
    await server.deepseek().ask("s", "q")
    assert str(server.requests[0].url) == "https://api.deepseek.com/chat/completions"
    body = server.body()
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("deepseek-v4-pro", 0.1, 2000)
    assert body["thinking"] == {"type": "disabled"}
    await server.deepseek(thinking=True).ask("s", "q")
    assert server.body()["thinking"] == {"type": "enabled"}


async def test_openai_gets_its_new_name_for_the_limit_and_its_imitators_the_old_one() -> None:
    server = Server(ok())
    await server.openai().ask("s", "q")
    assert str(server.requests[0].url) == "https://api.openai.com/v1/chat/completions"
    assert "max_completion_tokens" in server.body()
    await server.openai(base_url="http://vllm.example:8000/prefix/v1").ask("s", "q")
    assert str(server.requests[1].url) == "http://vllm.example:8000/prefix/v1/chat/completions"
    assert "max_tokens" in server.body()


async def test_another_programs_openai_account_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-x")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-x")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere.example")
    server = Server(ok())
    await server.openai().ask("s", "q")
    assert not {"openai-organization", "openai-project"} & set(server.requests[0].headers)
    assert server.requests[0].url.host == "api.openai.com"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
async def test_what_may_pass_is_tried_again(status: int) -> None:
    server = Server(httpx2.Response(status), ok())
    assert (await server.deepseek().ask("s", "q")).text == "hello"
    assert len(server.waits) == 1
    assert 0.25 <= server.waits[0] <= 0.5


async def test_a_broken_connection_is_tried_again() -> None:
    server = Server(httpx2.ConnectError("no"), httpx2.ReadError("no"), ok())
    assert (await server.deepseek().ask("s", "q")).text == "hello"


async def test_waits_double_and_end() -> None:
    server = Server(httpx2.Response(503))
    with pytest.raises(ModelUnavailable):
        await server.deepseek(max_retries=6).ask("s", "q")
    assert len(server.requests) == 7
    assert all(low <= wait <= 2 * low for wait, low in zip(server.waits, [0.25, 0.5, 1, 2, 4, 4], strict=True))


async def test_retry_after_is_honoured() -> None:
    server = Server(httpx2.Response(429, headers={"retry-after": "7"}), ok())
    await server.deepseek().ask("s", "q")
    assert server.waits == [7.0]


async def test_a_retry_after_beyond_the_deadline_is_passed_on_and_not_sat_out() -> None:
    server = Server(httpx2.Response(429, headers={"retry-after": "300"}))
    with pytest.raises(ModelUnavailable) as failure:
        await server.deepseek().ask("s", "q")
    assert failure.value.retry_after == 300
    assert (len(server.requests), server.waits) == (1, [])


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (400, "settings"),
        (401, "API key"),
        (402, "top it up"),
        (403, "API key"),
        (404, "model's name"),
        (422, "settings"),
    ],
)
async def test_a_refusal_names_the_remedy_and_is_not_tried_again(status: int, remedy: str) -> None:
    server = Server(httpx2.Response(status, json={"error": {"message": f"bad key {KEY}", "code": "x"}}))
    with pytest.raises(ModelRefused, match=rf"deepseek \(api\.deepseek\.com\) answered {status}.*{remedy}"):
        await server.deepseek().ask("s", "q")
    assert len(server.requests) == 1


async def test_spent_money_is_a_refusal_though_it_comes_as_429() -> None:
    server = Server(httpx2.Response(429, json={"error": {"message": "quota", "code": "insufficient_quota"}}))
    with pytest.raises(ModelRefused, match="money or quota"):
        await server.openai().ask("s", "q")


async def test_a_prompt_too_long_for_the_model_says_so() -> None:
    server = Server(httpx2.Response(400, json={"error": {"message": "long", "code": "context_length_exceeded"}}))
    with pytest.raises(ModelRefused, match="longer than the model's window"):
        await server.openai().ask("s", "q")


async def test_a_redirect_is_not_followed_with_the_key() -> None:
    server = Server(httpx2.Response(307, headers={"location": "http://evil.example/"}))
    with pytest.raises(ModelRefused, match="redirects"):
        await server.deepseek().ask("s", "q")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "response",
    [
        httpx2.Response(200, json=completion(None)),
        httpx2.Response(200, json=completion("")),
        httpx2.Response(200, json=completion(" \n")),
        httpx2.Response(200, json={**completion(), "choices": []}),
        httpx2.Response(200, json={**completion(), "choices": None}),
        httpx2.Response(200, json={**completion(), "choices": [None]}),
        httpx2.Response(200, json={**completion(), "choices": "x"}),
        httpx2.Response(200, json={"error": "x"}),
        httpx2.Response(200, json=[]),
        httpx2.Response(200, json=None),
        httpx2.Response(200, json="text"),
        httpx2.Response(200, content=b'{"id": "1", "choi', headers={"content-type": "application/json"}),
        httpx2.Response(200, content=b"\xff\xfe", headers={"content-type": "application/json"}),
        httpx2.Response(200, html="<h1>502 Bad Gateway</h1>"),
        httpx2.Response(204),
    ],
    ids=str,
)
async def test_what_is_no_completion_is_unreadable(response: httpx2.Response) -> None:
    server = Server(response)
    with pytest.raises(ModelUnreadable, match="deepseek"):
        await server.deepseek().ask("s", "q")


async def test_an_answer_that_thinking_used_up_names_the_setting() -> None:
    server = Server(httpx2.Response(200, json=completion("", finish_reason="length")))
    with pytest.raises(ModelUnreadable, match="max_tokens") as raised:
        await server.deepseek().ask("s", "q")
    assert raised.value.input_tokens + raised.value.output_tokens > 0, "it was paid for all the same"


async def test_silence_ends_at_the_deadline() -> None:
    async def hang(_: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError

    model = DeepSeek(DeepSeekOptions(timeout_seconds=0.05), transport=httpx2.MockTransport(hang))
    with pytest.raises(ModelUnavailable, match=r"within 0\.05 s"):
        await model.ask("s", "q")


@pytest.mark.parametrize(
    "response", [httpx2.Response(status, text=f"key {KEY}") for status in (200, 302, 401, 418, 500)]
)
async def test_no_error_holds_the_key(response: httpx2.Response) -> None:
    with pytest.raises(ModelError) as failure:
        await Server(response).deepseek(max_retries=0).ask("s", "q")
    assert KEY not in str(failure.value)
    assert failure.value.__cause__ is None


@pytest.mark.parametrize("key", ["sk-ü", "sk-1\nx", "two words"])
def test_a_key_that_is_none_is_refused_before_it_is_sent_and_not_repeated(key: str) -> None:
    with pytest.raises(PluginError, match="api_key") as failure:
        plugins.make("model", "deepseek", {"api_key": key})
    assert key not in str(failure.value)


def test_a_key_from_a_file_may_end_in_a_newline() -> None:
    assert DeepSeekOptions(api_key="sk-1\n").api_key.get_secret_value() == "sk-1"


def test_the_options_do_not_show_the_key() -> None:
    assert KEY not in repr(DeepSeekOptions(api_key=KEY))


@pytest.mark.parametrize("name", ["deepseek", "openai"])
async def test_a_model_comes_through_the_plugin_door(name: str) -> None:
    model: plugins.Model = plugins.make("model", name, {"api_key": KEY, "model": "m"})
    assert model.name == name
    await model.aclose()


def test_an_unknown_option_is_refused_with_the_known_ones() -> None:
    with pytest.raises(PluginError, match="base_url"):
        plugins.make("model", "openai", {"model": "m", "url": "http://x"})


async def test_top_p_is_sent_only_where_it_is_set() -> None:
    server = Server(ok())
    await server.deepseek().ask("s", "q")
    assert "top_p" not in server.body()
    await server.deepseek(top_p=0.9).ask("s", "q")
    assert server.body()["top_p"] == 0.9


async def test_what_a_model_passes_to_a_tool_that_nobody_offered_is_its_answer() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "report", "arguments": '{"summary": "s"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    server = Server(httpx2.Response(200, json=completion(message=message, finish_reason="tool_calls")))
    assert (await server.openai().ask("s", "q")).text == '{"summary":"s"}'


@pytest.mark.parametrize("model", ["deepseek-v4-pro", "deepseek-flash"])
def test_the_door_to_deepseeks_thinking_is_right(model: str) -> None:
    """Every tool turn gives `reasoning_content` back, and no tool is forced while it thinks: else it answers 400."""
    profile = cast("OpenAIModelProfile", DeepSeekChat(DeepSeekOptions(model=model), asyncio.sleep, None).chat.profile)
    assert profile.get("openai_chat_thinking_field") == "reasoning_content"
    assert profile.get("openai_chat_send_back_thinking_parts") == "field"
    assert profile.get("openai_chat_thinking_requires_field_on_tool_calls")
    assert profile.get("supports_forced_tool_choice_with_thinking") is False


TOOL = Tool(name="look", about="looks", parameters={"type": "object", "properties": {"at": {"type": "string"}}})


def calling(name: str) -> httpx2.Response:
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": '{"at": "db"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return httpx2.Response(200, json=completion(message=message, finish_reason="tool_calls"))


async def test_a_model_is_offered_tools_and_what_it_asks_for_is_given_back() -> None:
    server = Server(calling("look"))
    answer = await server.deepseek().ask_with("s", "q", [TOOL])
    assert [(call.tool, call.arguments) for call in answer.calls] == [("look", '{"at":"db"}')]
    (offered,) = server.body()["tools"]
    assert offered["function"]["name"] == "look"
    assert offered["function"]["parameters"]["properties"] == {"at": {"type": "string"}}


async def test_a_tool_that_was_not_offered_is_no_call() -> None:
    answer = await Server(calling("format_disk")).deepseek().ask_with("s", "q", [TOOL])
    assert answer.calls == ()
    assert answer.text == '{"at":"db"}'


async def test_without_tools_none_are_named_in_the_request() -> None:
    server = Server(httpx2.Response(200, json=completion()))
    await server.openai(base_url="http://local.example/v1").ask("s", "q")
    assert "tools" not in server.body()


def test_deepseek_that_thinks_is_offered_no_tools() -> None:
    assert Server().deepseek().calls_tools
    assert not Server().deepseek(thinking=True).calls_tools
