"""From settings to models: which are made, with which options, and what is said where they cannot be."""

from typing import Any

import pytest

from aiops_processor import config, parts
from aiops_processor.errors import ConfigError, PluginError
from aiops_processor.settings import Settings


def lineup(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Any:
    for name, _ in config.variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv(config.FILE_VARIABLE, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return parts.model(config.load())


def options(made: Any, place: int = 0) -> Any:
    return made.candidates[place].model.options


def test_without_a_key_there_is_no_model() -> None:
    assert parts.model(Settings()) is None
    assert parts.explainer(Settings(), None, clock=None) is None  # pyrefly: ignore[bad-argument-type]


def test_every_setting_of_the_model_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = lineup(
        monkeypatch,
        LLM_PROVIDER="openai",
        OPENAI_API_KEY="sk-1",
        LLM_MODEL="m",
        LLM_BASE_URL="http://vllm:8000/v1",
        LLM_TIMEOUT="7",
        LLM_DEADLINE="9",
        LLM_MAX_RETRIES="2",
        LLM_TEMPERATURE="0.5",
        LLM_TOP_P="0.9",
        LLM_MAX_TOKENS="900",
        LLM_CONTEXT_TOKENS="4096",
    )
    given = options(made)
    assert (made.name, made.deadline_seconds) == ("openai", 9)
    assert (given.model, str(given.base_url), given.api_key.get_secret_value()) == ("m", "http://vllm:8000/v1", "sk-1")
    assert (given.timeout_seconds, given.max_retries, given.temperature, given.top_p) == (7, 2, 0.5, 0.9)
    assert (given.max_tokens, given.context_tokens) == (900, 4096)
    assert made.candidates[0].token_budget == int(0.9 * (4096 - 900))


def test_ollama_needs_no_key_and_has_a_window_of_8192(monkeypatch: pytest.MonkeyPatch) -> None:
    made = lineup(monkeypatch, LLM_PROVIDER="ollama", LLM_MODEL="qwen3:8b", OLLAMA_URL="http://gpu:11434")
    assert str(options(made).base_url) == "http://gpu:11434/"
    assert options(made).context_tokens == 8192
    small = lineup(monkeypatch, LLM_PROVIDER="ollama", LLM_MODEL="x", LLM_CONTEXT_TOKENS="4096", LLM_MAX_TOKENS="1000")
    assert small.candidates[0].token_budget == int(0.9 * 3096)


def test_fallbacks_follow_in_their_order_each_at_its_providers_address(monkeypatch: pytest.MonkeyPatch) -> None:
    made = lineup(
        monkeypatch,
        DEEPSEEK_API_KEY="sk-1",
        OPENAI_API_KEY="sk-2",
        LLM_BASE_URL="http://proxy:4000",
        LLM_CONTEXT_TOKENS="5000",
        LLM_FALLBACKS="openai:gpt-x, ollama:qwen3:8b,",
    )
    assert made.name == "deepseek, then openai, then ollama"
    assert [options(made, place).model for place in (1, 2)] == ["gpt-x", "qwen3:8b"]
    assert options(made, 1).base_url.host == "api.openai.com"
    assert [each.token_budget for each in made.candidates] == [2700, 6000, 5572]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"LLM_FALLBACKS": "openai:gpt-x", "DEEPSEEK_API_KEY": "k"}, "OPENAI_API_KEY is not set"),
        ({"LLM_FALLBACKS": "ollama:x"}, "DEEPSEEK_API_KEY is not set"),
        ({"LLM_FALLBACKS": "gpt-x", "DEEPSEEK_API_KEY": "k"}, "'gpt-x' is no provider:model"),
        ({"DEEPSEEK_API_KEY": "k", "LLM_CONTEXT_TOKENS": "2048"}, "lower LLM_MAX_TOKENS"),
    ],
)
def test_a_model_that_cannot_be_asked_is_said_at_the_start(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        lineup(monkeypatch, **variables)


def test_an_unknown_provider_is_refused_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PluginError, match="anthropic, deepseek, ollama, openai"):
        lineup(monkeypatch, LLM_PROVIDER="deepsek", LLM_BASE_URL="http://x")


@pytest.mark.parametrize(
    ("given", "offered"),
    [
        ({"api_key": True}, True),
        ({"llm": {"thinking": True}, "api_key": True}, False),
        ({"llm": {"tools": "off"}, "api_key": True}, False),
        ({"llm": {"tools": "on", "thinking": True}, "api_key": True}, False),
        ({"llm": {"provider": "ollama", "model": "m", "tools": "on"}}, False),
        ({"llm": {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:1"}}, False),
        ({"llm": {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:1", "tools": "on"}}, True),
    ],
)
def test_who_is_offered_tools(given: dict[str, Any], offered: bool) -> None:
    keys = {"deepseek": {"api_key": "sk-x"}} if given.pop("api_key", False) else {}
    lineup = parts.model(Settings.model_validate({**keys, **given}))
    assert lineup is not None
    assert lineup.candidates[0].tools is offered
