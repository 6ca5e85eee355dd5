"""Ollama's own chat API: the window is asked for, and a prompt that was cut is never answered from."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from aiops_processor.errors import ModelError, ModelRefused, ModelUnavailable, ModelUnreadable, PromptTooLong
from aiops_processor.llm.providers.ollama import Ollama, OllamaOptions

pytestmark = pytest.mark.anyio

# As Ollama 0.12 and its later releases word it; the latter pass on llama.cpp's error as a text.
TOO_LONG = {"error": "the input length exceeds the context length"}
TOO_LONG_FOR_LLAMA = {"error": '{"error":{"code":400,"message":"exceeds the available context size (512 tokens)"}}'}


def reply(text: str = "hello", **more: Any) -> httpx2.Response:
    counts = {"prompt_eval_count": 11, "eval_count": 7, "done_reason": "stop"}
    body = {"model": "qwen3:8b", "message": {"role": "assistant", "content": text}, "done": True, **counts, **more}
    return httpx2.Response(200, json=body)


class Server:
    """Answers with the given responses in turn and keeps the requests."""

    def __init__(self, *responses: httpx2.Response | Exception) -> None:
        self._responses: Iterator[httpx2.Response | Exception] = iter(responses)
        self.requests: list[httpx2.Request] = []

    def model(self, **options: Any) -> Ollama:
        given = OllamaOptions.model_validate({"model": "qwen3:8b", "max_retries": 0, **options})
        return Ollama(given, transport=httpx2.MockTransport(self._answer))

    def body(self) -> dict[str, Any]:
        return json.loads(self.requests[-1].content)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        response = next(self._responses)
        if isinstance(response, Exception):
            raise response
        return response


async def test_an_answer_comes_with_model_and_tokens() -> None:
    server = Server(reply())
    answer = await server.model().ask("be brief", "why?")
    assert (answer.text, answer.model, answer.input_tokens, answer.output_tokens) == ("hello", "qwen3:8b", 11, 7)
    assert str(server.requests[0].url) == "http://127.0.0.1:11434/api/chat"
    assert [message["content"] for message in server.body()["messages"]] == ["be brief", "why?"]


async def test_the_window_is_asked_for_and_nothing_may_be_cut_to_fit() -> None:
    server = Server(reply(), reply())
    await server.model(max_tokens=500, top_p=0.9).ask("s", "q")
    body = server.body()
    assert body["options"] == {"num_ctx": 8192, "num_predict": 500, "temperature": 0.1, "top_p": 0.9}
    assert (body["truncate"], body["shift"], body["stream"], body["think"]) == (False, False, False, False)
    model = server.model(context_tokens=4096)
    await model.ask("s", "q")
    assert server.body()["options"]["num_ctx"] == 4096
    assert model.prompt_tokens == 4096 - 2000


@pytest.mark.parametrize("url", ["http://gpu:11434", "http://gpu:11434/", "http://gpu:11434/v1"])
async def test_its_address_may_be_written_as_for_openai(url: str) -> None:
    server = Server(reply())
    await server.model(base_url=url).ask("s", "q")
    assert str(server.requests[0].url) == "http://gpu:11434/api/chat"


@pytest.mark.parametrize("body", [TOO_LONG, TOO_LONG_FOR_LLAMA])
async def test_a_prompt_beyond_the_window_is_known_as_that(body: dict[str, str]) -> None:
    with pytest.raises(PromptTooLong):
        await Server(httpx2.Response(400, json=body)).model().ask("s", "q")


async def test_a_prompt_that_an_old_server_cut_is_not_answered_from() -> None:
    with pytest.raises(PromptTooLong, match="cut the prompt to its window of 8192"):
        await Server(reply(prompt_eval_count=8192)).model().ask("s", "q")


async def test_an_answer_that_has_no_text_names_the_setting() -> None:
    with pytest.raises(ModelUnreadable, match="max_tokens") as raised:
        await Server(reply("", done_reason="length")).model().ask("s", "q")
    assert raised.value.input_tokens + raised.value.output_tokens > 0, "it was paid for all the same"


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx2.Response(404, json={"error": "model 'qwen3:8b' not found"}), ModelRefused),
        (httpx2.Response(401), ModelRefused),
        (httpx2.Response(302, headers={"location": "http://evil.example"}), ModelRefused),
        (httpx2.Response(400, json={"error": "illegal base64 data"}), ModelRefused),
        (httpx2.Response(500, json={"error": "llama runner process has terminated"}), ModelUnavailable),
        (httpx2.Response(503), ModelUnavailable),
        (httpx2.ConnectError("no"), ModelUnavailable),
        (httpx2.Response(200, json={"error": "x"}), ModelUnreadable),
        (httpx2.Response(200, json=[]), ModelUnreadable),
        (httpx2.Response(200, content=b'{"message": {"con'), ModelUnreadable),
        (httpx2.Response(200, content=b"\xff"), ModelUnreadable),
        (httpx2.Response(204), ModelUnreadable),
    ],
    ids=str,
)
async def test_every_failure_is_one_of_ours(response: httpx2.Response, error: type[ModelError]) -> None:
    with pytest.raises(error, match="ollama") as failure:
        await Server(response).model().ask("s", "q")
    assert failure.type is error
    assert failure.value.__cause__ is None


async def test_a_wait_that_was_asked_for_is_passed_on() -> None:
    with pytest.raises(ModelUnavailable) as failure:
        await Server(httpx2.Response(429, headers={"Retry-After": "30"})).model().ask("s", "q")
    assert failure.value.retry_after == 30
