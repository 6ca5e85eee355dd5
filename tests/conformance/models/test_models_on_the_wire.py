"""What every model provider must do, over a real socket and in its own protocol. A new one is added to `PROVIDERS`."""

import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from aiops_processor import plugins
from aiops_processor.clock import ReplayClock
from aiops_processor.errors import ModelError, ModelRefused, ModelUnavailable, ModelUnreadable, PromptTooLong
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Candidate, Lineup
from aiops_processor.models.notification import Message
from aiops_processor.plugins import Model

pytestmark = pytest.mark.anyio

KEY = "sk-KEEP-THIS-SECRET"
DEADLINE = 1.5
BUSY = 15  # seconds that a machine with other work may take; without the limit it would be minutes


class Provider(NamedTuple):
    """How a provider is reached on the fake: the plugin, what follows the address, and the path that it asks."""

    plugin: str
    base_path: str
    asks: str


PROVIDERS = {
    "deepseek": Provider("deepseek", "", "/chat/completions"),
    "openai": Provider("openai", "/v1", "/v1/chat/completions"),
    "anthropic": Provider("anthropic", "", "/v1/messages"),
    "ollama": Provider("ollama", "", "/api/chat"),
    "generic": Provider("openai", "/v1/", "/v1/chat/completions"),
}
Connect = Callable[..., AbstractAsyncContextManager[Model]]


@pytest.fixture(params=sorted(PROVIDERS))
def provider(request: pytest.FixtureRequest) -> str:
    if request.param == "anthropic":
        pytest.importorskip("anthropic", reason="the extra [anthropic] is not installed")
    return request.param


@pytest.fixture
def connect_to(provider: str) -> Connect:
    """Makes the provider's model at an address."""

    @asynccontextmanager
    async def made(url: str, model: str, **options: Any) -> AsyncGenerator[Model]:
        base_url = f"{url}{PROVIDERS[provider].base_path}"
        key = {} if provider in {"ollama", "generic"} else {"api_key": KEY}
        given = {"base_url": base_url, "model": model, "timeout_seconds": DEADLINE, "max_retries": 1, **key, **options}
        connected: Model = plugins.make("model", PROVIDERS[provider].plugin, given)
        try:
            yield connected
        finally:
            await connected.aclose()

    return made


@pytest.fixture
def connect(aimock: Any, connect_to: Connect) -> Connect:
    """Makes the provider's model on the fake."""

    def made(model: str, **options: Any) -> AbstractAsyncContextManager[Model]:
        return connect_to(aimock.url, model, **options)

    return made


async def test_a_good_answer_comes_with_its_text_and_model(aimock: Any, connect: Connect, provider: str) -> None:
    async with connect("good") as model:
        answer = await model.ask("be brief", "why?")
    assert (json.loads(answer.text)["summary"], answer.model) == ("Checkout fails.", "good")
    if provider != "ollama":  # the fake counts nothing there
        assert (answer.input_tokens, answer.output_tokens) == (11, 7)
    (request,) = aimock.requests("good")
    assert request["path"].rstrip("/") == PROVIDERS[provider].asks
    assert "be brief" in json.dumps(request["body"])


async def test_a_good_answer_becomes_a_checked_analysis(connect: Connect, message: Message) -> None:
    assert message.evidence
    async with connect("good") as model:
        explainer = Explainer(Lineup([Candidate(model)]), ReplayClock(datetime(2026, 1, 31, 12, 8, tzinfo=UTC)))
        result = await explainer.explain(message.alerts, message.evidence)
    assert (result.root_cause, result.model) == ("Hypothesis: No free connection.", "good")
    assert result.confidence == 0.9
    assert [claim.verified for claim in result.evidence] == [True]


async def test_temperature_and_length_reach_the_wire(aimock: Any, connect: Connect) -> None:
    async with connect("good", temperature=0.25, max_tokens=321) as model:
        await model.ask("s", "q")
    (request,) = aimock.requests("good")
    assert (request["body"]["temperature"], request["body"]["max_tokens"]) == (0.25, 321)


async def test_an_answer_as_a_tool_call_is_read(connect: Connect, provider: str) -> None:
    async with connect("calls") as model:
        if provider == "ollama":  # with its format set to JSON it calls no tool; what comes then has no text
            with pytest.raises(ModelUnreadable):
                await model.ask("s", "q")
        else:
            assert json.loads((await model.ask("s", "q")).text)["root_cause"] == "No free connection."


async def test_an_empty_answer_is_unreadable(connect: Connect) -> None:
    async with connect("empty") as model:
        with pytest.raises(ModelUnreadable):
            await model.ask("s", "q")


async def test_a_rate_limit_beyond_the_deadline_is_passed_on(aimock: Any, connect: Connect) -> None:
    began = time.monotonic()
    async with connect("limited") as model:
        with pytest.raises(ModelUnavailable, match="answered 429: rate limit") as failure:
            await model.ask("s", "q")
    assert failure.value.retry_after == 60
    assert time.monotonic() - began < 20, "the minute is not waited for"
    assert len(aimock.requests("limited")) == 1


async def test_a_short_rate_limit_is_waited_for(aimock: Any, connect: Connect, provider: str) -> None:
    name = f"limited-once-{provider}"
    began = time.monotonic()
    async with connect(name, timeout_seconds=5) as model:
        assert "Checkout" in (await model.ask("s", "q")).text
    assert time.monotonic() - began >= 1
    assert len(aimock.requests(name)) == 2


@pytest.mark.parametrize("status", [500, 503])
async def test_a_server_error_is_tried_again_and_then_said(aimock: Any, connect: Connect, status: int) -> None:
    async with connect(f"status-{status}") as model:
        with pytest.raises(ModelUnavailable, match=str(status)):
            await model.ask("s", "q")
    assert len(aimock.requests(f"status-{status}")) == 2


async def test_a_model_that_hangs_is_left_at_the_deadline(connect: Connect) -> None:
    began = time.monotonic()
    async with connect("hang") as model:
        with pytest.raises(ModelUnavailable):
            await model.ask("s", "q")
    assert time.monotonic() - began < DEADLINE + BUSY


@pytest.mark.parametrize("slow_from", [0, 140], ids=["from the status line on", "from the body on"])
async def test_a_model_that_drips_a_byte_a_second_is_left_at_its_time_limit(
    dripping: Callable[[int], str], connect_to: Connect, slow_from: int
) -> None:
    """No wait for the next byte is ever long: only a limit for the whole answer ends it."""
    began = time.monotonic()
    async with connect_to(dripping(slow_from), "good") as model:
        with pytest.raises(ModelUnavailable, match=r"did not answer within 1\.5 s"):
            await model.ask("s", "q")
    assert DEADLINE <= time.monotonic() - began < DEADLINE + BUSY


async def test_a_model_that_drips_is_left_when_the_time_of_all_models_is_over(
    dripping: Callable[[int], str], connect_to: Connect, message: Message
) -> None:
    assert message.evidence
    began = time.monotonic()
    async with connect_to(dripping(0), "good", timeout_seconds=60) as model:
        explainer = Explainer(Lineup([Candidate(model)], 1.0), ReplayClock(datetime(2026, 1, 31, 12, 8, tzinfo=UTC)))
        with pytest.raises(ModelUnavailable, match="no usable answer within its 1 s"):
            await explainer.explain(message.alerts, message.evidence)
    assert 1 <= time.monotonic() - began < 1 + BUSY


async def test_a_connection_that_breaks_off_is_unavailable(connect: Connect) -> None:
    async with connect("cut") as model:
        with pytest.raises(ModelUnavailable, match="broke off"):
            await model.ask("s", "q")


async def test_cut_json_is_unreadable(connect: Connect) -> None:
    async with connect("bad") as model:
        with pytest.raises(ModelUnreadable):
            await model.ask("s", "q")


@pytest.mark.parametrize("name", ["too-long", "too-long-for-llama", "too-long-for-claude"])
async def test_a_prompt_beyond_the_window_is_known_as_that(connect: Connect, name: str) -> None:
    async with connect(name) as model:
        with pytest.raises(PromptTooLong):
            await model.ask("s", "q")


@pytest.mark.parametrize(("name", "remedy"), [("refused", "check the API key"), ("missing", "check the model's name")])
async def test_a_refusal_names_the_remedy(aimock: Any, connect: Connect, name: str, remedy: str) -> None:
    async with connect(name) as model:
        with pytest.raises(ModelRefused, match=remedy):
            await model.ask("s", "q")
    assert len(aimock.requests(name)) == 1


@pytest.mark.parametrize("name", ["limited", "refused", "missing", "bad", "cut", "empty", "too-long"])
async def test_no_error_holds_the_key_or_its_cause(connect: Connect, name: str) -> None:
    async with connect(name) as model:
        with pytest.raises(ModelError) as failure:
            await model.ask("s", "q")
    assert KEY not in str(failure.value)
    assert failure.value.__cause__ is None
