"""Anthropic's messages API, which an extra brings; without it the remedy is named."""

import json
import subprocess
import sys
from typing import Any

import httpx2
import pytest

from aiops_processor import plugins
from aiops_processor.errors import PluginError

pytestmark = pytest.mark.anyio


def test_without_its_sdk_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anthropic", None)
    with pytest.raises(PluginError, match=r"pip install aiops-processor\[anthropic\]"):
        plugins.make("model", "anthropic", {"model": "claude-haiku-4-5"})


async def test_it_is_asked_with_its_key_alone_and_one_of_the_two_samplings(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("anthropic")
    for name in ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.setenv(name, "http://another-programs.example")
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        usage = {"input_tokens": 3, "output_tokens": 4}
        content = [{"type": "text", "text": "hello"}]
        body: dict[str, Any] = {"id": "m", "type": "message", "role": "assistant", "model": "claude-haiku-4-5"}
        return httpx2.Response(200, json={**body, "content": content, "stop_reason": "end_turn", "usage": usage})

    plugin = plugins.load("model", "anthropic")
    for options in ({}, {"top_p": 0.9}):
        given = plugin.Options(model="claude-haiku-4-5", api_key="sk-own", **options)
        said = await plugin(given, transport=httpx2.MockTransport(answer)).ask("be brief", "why?")
        assert (said.text, said.input_tokens, said.output_tokens) == ("hello", 3, 4)
    first, second = (json.loads(request.content) for request in asked)
    assert str(asked[0].url) == "https://api.anthropic.com/v1/messages"
    assert not any("another" in value for value in dict(asked[0].headers).values())
    assert any("sk-own" in value for value in dict(asked[0].headers).values())
    assert (first["temperature"], first["max_tokens"], first["system"]) == (0.1, 2000, "be brief")
    assert "top_p" not in first
    assert second["top_p"] == 0.9
    assert "temperature" not in second


@pytest.mark.parametrize(
    ("module", "others"),
    [
        ("aiops_processor.llm.providers.hosted", {"anthropic", "openai", "pydantic_ai"}),
        ("aiops_processor.llm.providers.ollama", {"anthropic", "openai"}),
        ("aiops_processor.llm.providers.openai_chat", {"anthropic"}),
        ("aiops_processor.llm.providers.anthropic_chat", {"openai"}),
        ("aiops_processor.app", {"anthropic", "openai", "pydantic_ai"}),
    ],
)
def test_only_the_configured_providers_sdk_is_loaded(module: str, others: set[str]) -> None:
    if module.endswith("anthropic_chat"):
        pytest.importorskip("anthropic")
    code = f"import sys, {module}; print(*sorted({others!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
