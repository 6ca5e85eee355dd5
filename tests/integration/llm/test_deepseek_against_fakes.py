"""DeepSeek over real sockets, against every drift and fault of a server: an analysis or the right error, in time."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from aiops_processor.clock import ReplayClock
from aiops_processor.errors import ModelError, ModelRefused, ModelUnavailable, ModelUnreadable
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Candidate, Lineup
from aiops_processor.llm.providers.hosted import DeepSeek
from aiops_processor.llm.providers.options import DeepSeekOptions
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.notification import Message

pytestmark = [pytest.mark.anyio, pytest.mark.shared]

DEADLINE = 1.0

DRIFT = [
    "ok",
    "think",
    "think_plain",
    "fenced",
    "fenced_plain",
    "truncated",
    "conf_string",
    "conf_percent",
    "evidence_objects",
    "steps_objects",
    "null_summary",
    "dict_root_cause",
    "missing_fields",
    "top_list",
    "evidence_string",
    "slack_markup",
    "long",
    "mixed_numbers",
]

FAULTS: list[tuple[dict[str, Any], type[ModelError]]] = [
    ({"mode": "garbage"}, ModelUnreadable),
    ({"mode": "empty"}, ModelUnreadable),
    ({"mode": "null_content"}, ModelUnreadable),
    ({"mode": "no_choices"}, ModelUnreadable),
    ({"mode": "html"}, ModelUnreadable),
    ({"mode": "badjson"}, ModelUnreadable),
    ({"mode": "cut"}, ModelUnavailable),
    ({"mode": "drip"}, ModelUnavailable),
    ({"mode": "hang", "hang_s": 5.0}, ModelUnavailable),
    ({"mode": "500"}, ModelUnavailable),
    ({"mode": "503", "retry_after": 60}, ModelUnavailable),
    ({"mode": "429", "retry_after": 60}, ModelUnavailable),
    ({"mode": "400"}, ModelRefused),
    ({"mode": "401"}, ModelRefused),
    ({"mode": "402"}, ModelRefused),
    ({"mode": "404"}, ModelRefused),
]

Explain = Callable[..., Any]


@asynccontextmanager
async def deepseek(base_url: str, **options: Any) -> AsyncGenerator[DeepSeek]:
    given = {"api_key": "sk-1", "base_url": base_url, "timeout_seconds": DEADLINE, **options}
    model = DeepSeek(DeepSeekOptions.model_validate(given))
    try:
        yield model
    finally:
        await model.aclose()


async def explain(base_url: str, message: Message, **options: Any) -> AnalysisResult:
    assert message.evidence
    clock = ReplayClock(datetime(2026, 1, 31, 12, 8, tzinfo=UTC))
    async with deepseek(base_url, **options) as model:
        return await Explainer(Lineup([Candidate(model)]), clock).explain(message.alerts, message.evidence)


@pytest.mark.parametrize("mode", DRIFT)
async def test_every_drift_of_an_answer_ends_in_an_analysis(fakes: Any, message: Message, mode: str) -> None:
    fakes.configure("llm", mode=mode)
    result = await explain(fakes.url("llm"), message)
    assert result.summary
    assert 0 <= result.confidence <= 0.5, "nothing in it cites the evidence"
    assert result.outcome == "inconclusive"
    assert not any(claim.verified for claim in result.evidence)
    assert result.usage.requests == 1
    assert result.usage.input_tokens > 0
    assert fakes.stats("llm")["requests"] == 1


@pytest.mark.parametrize(("fault", "error"), FAULTS, ids=lambda value: value["mode"] if isinstance(value, dict) else "")
async def test_every_fault_ends_in_the_right_error_within_the_deadline(
    fakes: Any, message: Message, fault: dict[str, Any], error: type[ModelError]
) -> None:
    fakes.configure("llm", **fault)
    began = time.monotonic()
    with pytest.raises(error) as failure:
        await explain(fakes.url("llm"), message)
    assert time.monotonic() - began < DEADLINE + 30
    assert "sk-1" not in str(failure.value)
    if "retry_after" in fault:
        assert isinstance(failure.value, ModelUnavailable)
        assert failure.value.retry_after == fault["retry_after"]


@pytest.mark.parametrize(
    "first", [{"error_mode": "500"}, {"error_mode": "429", "retry_after": 1}, {"error_mode": "503"}]
)
async def test_a_fault_that_passes_is_not_noticed(fakes: Any, message: Message, first: dict[str, Any]) -> None:
    fakes.configure("llm", mode="ok", fail_first=1, **first)
    began = time.monotonic()
    result = await explain(fakes.url("llm"), message, timeout_seconds=5)
    assert result.root_cause
    assert fakes.stats("llm")["requests"] == 2
    if "retry_after" in first:
        assert time.monotonic() - began >= first["retry_after"]


async def test_an_unreadable_answer_is_asked_for_once_more(fakes: Any, message: Message) -> None:
    fakes.configure("llm", mode="ok", fail_first=1, error_mode="html")
    result = await explain(fakes.url("llm"), message)
    assert result.root_cause
    assert fakes.stats("llm")["requests"] == 2
    assert "could not be used" in fakes.stats("llm")["last"][1]["body"]


async def test_a_claim_that_the_evidence_bears_out_is_verified(fakes: Any, message: Message) -> None:
    content = {
        "summary": "Checkout fails.",
        "root_cause": "No free connection.",
        "confidence": 0.9,
        "evidence": [{"id": "M1", "statement": "from 0 to 12.4/s"}, {"id": "M2", "statement": "up to 99.9 %"}],
    }
    fakes.configure("llm", content=content)
    result = await explain(fakes.url("llm"), message)
    assert [claim.verified for claim in result.evidence] == [True, False]
    assert (result.outcome, result.confidence) == ("found", 0.5), "half of the claims were refuted"


async def test_a_server_that_is_not_there_is_unavailable(message: Message) -> None:
    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        await explain("http://127.0.0.1:9", message, max_retries=1)
