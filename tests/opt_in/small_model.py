"""A real small model on loopback (`make test-model`): wire, schema and window are real; its reasoning is not looked at.

Not collected with the others, for it downloads 200 MB and takes minutes.
"""

import logging
import subprocess
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aiops_processor.clock import SystemClock
from aiops_processor.errors import ModelError, PromptTooLong
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import WINDOW_SHARE, Candidate, Lineup, budget_of
from aiops_processor.llm.prompt import build
from aiops_processor.llm.providers.hosted import OpenAI
from aiops_processor.llm.providers.options import OpenAIOptions
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.notification import Message

pytestmark = pytest.mark.anyio

log = logging.getLogger(__name__)

TOP = Path(__file__).resolve().parents[2]
PYTHON = TOP / ".venv" / "small-model" / "bin" / "python"
WINDOW = 2304


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    command = [str(PYTHON), str(TOP / "scripts" / "small_model.py"), str(WINDOW)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def evidence(message: Message) -> EvidenceReport:
    """More findings than any window holds."""
    assert message.evidence
    return message.evidence.model_copy(update={"findings": message.evidence.findings * 40})


@asynccontextmanager
async def connected(address: str, max_tokens: int = 200) -> AsyncGenerator[OpenAI]:
    given = {"base_url": f"{address}/v1", "model": "smollm2", "timeout_seconds": 300, "context_tokens": WINDOW}
    model = OpenAI(OpenAIOptions.model_validate({**given, "max_tokens": max_tokens}))
    try:
        yield model
    finally:
        await model.aclose()


async def explained(candidate: Candidate, message: Message, evidence: EvidenceReport) -> AnalysisResult | ModelError:
    try:
        return await Explainer(Lineup([candidate], 600), SystemClock()).explain(message.alerts, evidence)
    except ModelError as error:
        return error


async def test_a_prompt_that_was_made_for_the_window_fits_it(
    address: str, message: Message, evidence: EvidenceReport
) -> None:
    async with connected(address, max_tokens=20) as model:
        prompt = build(message.alerts, evidence, budget_of(model))
        answer = await model.ask(prompt.system, prompt.question)
    log.info("estimated %s tokens, counted %s", prompt.tokens, answer.input_tokens)
    assert answer.text
    assert 0 < answer.input_tokens <= budget_of(model) / WINDOW_SHARE
    assert 0 < answer.output_tokens <= 20


async def test_alerts_end_in_a_report_or_in_a_failure_that_is_seen(
    address: str, message: Message, evidence: EvidenceReport
) -> None:
    async with connected(address) as model:
        result = await explained(Candidate(model, budget_of(model)), message, evidence)
    log.info("%r", result)
    assert not isinstance(result, PromptTooLong), "the prompt was made for this window"
    if isinstance(result, AnalysisResult):
        assert result.summary
        assert 0 <= result.confidence <= 1
        assert result.usage.input_tokens > 0
    else:
        assert "openai answered, but" in str(result)


async def test_a_prompt_beyond_the_window_is_refused_as_that(address: str) -> None:
    async with connected(address) as model:
        with pytest.raises(PromptTooLong):
            await model.ask("be brief", "word " * 2 * WINDOW)


async def test_a_budget_beyond_the_window_is_halved_until_it_fits(
    address: str, message: Message, evidence: EvidenceReport
) -> None:
    async with connected(address) as model:
        prompt = build(message.alerts, evidence, 3600)
        with pytest.raises(PromptTooLong):
            await model.ask(prompt.system, prompt.question)
        result = await explained(Candidate(model, token_budget=3600), message, evidence)
    log.info("%r", result)
    assert not isinstance(result, PromptTooLong)
