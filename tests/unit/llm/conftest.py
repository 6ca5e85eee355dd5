"""A model that says what it is told to."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from aiops_processor.clock import ReplayClock
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.notification import Message
from aiops_processor.plugins import Answer

GOOD = {
    "summary": "Checkout fails since 12:00:10 UTC.",
    "root_cause": "The database's connections are used up.",
    "outcome": "found",
    "confidence": 0.8,
    "hypotheses": [{"cause": "a slow query", "supports": ["M2", "M9"], "contradicts": []}],
    "evidence": [{"id": "M1", "statement": "Failed requests rose from 0 to 12.4/s"}],
    "remediation_steps": [{"priority": 1, "action": "Restart", "command": "kubectl rollout restart deploy/x"}],
    "severity_assessment": "Customers cannot pay.",
    "affected": ["checkout", "db"],
}


class ScriptedModel:
    """Answers with the given texts or errors, one a question, and remembers the questions; a `plugins.Model`."""

    name = "scripted"
    prompt_tokens: int | None = None

    def __init__(self, *answers: str | Exception) -> None:
        self._answers = list(answers)
        self.questions: list[tuple[str, str]] = []

    async def ask(self, system: str, question: str) -> Answer:
        self.questions.append((system, question))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Answer(text=answer, model="scripted-1", input_tokens=1000, output_tokens=200)

    async def aclose(self) -> None:
        """Nothing is held open."""


@pytest.fixture
def scripted() -> Callable[..., ScriptedModel]:
    return ScriptedModel


@pytest.fixture
def good() -> str:
    return json.dumps(GOOD)


@pytest.fixture
def evidence(message: Message) -> EvidenceReport:
    assert message.evidence
    return message.evidence


@pytest.fixture
def clock() -> ReplayClock:
    return ReplayClock(datetime(2026, 1, 31, 12, 8, tzinfo=UTC), speed=0.0)
