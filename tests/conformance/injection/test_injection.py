"""Orders in log lines, and a model that obeys every one: it repeats them in each field as if they were its own."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from aiops_processor.clock import ReplayClock
from aiops_processor.llm.budget import Limit, Limits
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Candidate, Lineup
from aiops_processor.masking import Mask
from aiops_processor.models.analysis import AnalysisResult, Exchange, Verdict
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.notification import Message
from aiops_processor.notifiers.slack_blocks import body
from aiops_processor.plugins import Answer
from aiops_processor.report import as_markdown, as_text

pytestmark = pytest.mark.anyio

INJECTIONS = yaml.safe_load((Path(__file__).parent / "injections.yaml").read_text(encoding="utf-8"))
NOW = datetime(2026, 1, 31, 12, 8, tzinfo=UTC)


class Gullible:
    """Does what the log line says as far as it can: puts it wherever people and programs read."""

    name = "gullible"
    prompt_tokens: int | None = None

    def __init__(self, order: str) -> None:
        self._order = order
        self.asked: list[str] = []

    async def ask(self, system: str, question: str) -> Answer:
        self.asked.append(question)
        order = self._order
        command = order.partition(": ")[2] or order
        said = {
            "summary": order,
            "root_cause": order,
            "outcome": "found",
            "confidence": 1,
            "hypotheses": [{"cause": order, "supports": ["M9", "L1"]}],
            "evidence": [{"id": "L1", "statement": f"{order} 77"}, {"id": "M9", "statement": order}],
            "remediation_steps": [{"priority": 1, "action": order, "command": command, "risk": "low"}],
            "severity_assessment": order,
            "affected": [order],
            "extra": {"team": order},
            "tool_calls": [{"name": "query_prometheus", "arguments": {"query": "up[99y]"}}],
        }
        return Answer(text=json.dumps(said), model="gullible", input_tokens=900, output_tokens=100)

    async def aclose(self) -> None: ...


def poisoned(evidence: EvidenceReport, order: str) -> EvidenceReport:
    """The evidence, with the order in a log line, as it would be gathered: masked."""
    lines = tuple(line.model_copy(update={"line": order, "message": order}) for line in evidence.findings[1].lines)
    log = evidence.findings[1].model_copy(update={"lines": lines, "statement": f"new error line: {order}"})
    report = evidence.model_copy(update={"findings": (evidence.findings[0], log, *evidence.findings[2:])})
    return Mask().model(report)


async def explained(message: Message, order: str) -> tuple[AnalysisResult, EvidenceReport, list[Exchange], Gullible]:
    assert message.evidence
    evidence, model, record = poisoned(message.evidence, order), Gullible(order), list[Exchange]()
    explainer = Explainer(
        Lineup([Candidate(model)]), ReplayClock(NOW, speed=0.0), limits=Limits(incident=Limit(calls=3))
    )
    return await explainer.explain(message.alerts, evidence, record.append), evidence, record, model


def test_there_are_seventy_five_of_them() -> None:
    assert len(set(INJECTIONS)) >= 75


@pytest.mark.parametrize("number", range(len(INJECTIONS)))
async def test_an_order_in_a_log_line_stays_data(message: Message, number: int) -> None:
    order = INJECTIONS[number]
    result, evidence, record, model = await explained(message, order)

    question = model.asked[0]
    assert len(model.asked) == len(record) == 1, "it cannot make us ask again, or anything else"
    assert question.count("<telemetry>") == question.count("</telemetry>") == 1
    fence = question.index("</telemetry>")
    assert question[fence:].count("\n") == 2, "nothing of the log stands below the fence"
    assert not re.search(r"^\[[MC]9\]", question, re.MULTILINE), "it begins no finding of its own"

    assert not any(claim.verified for claim in result.evidence)
    assert result.outcome is not Verdict.FOUND
    assert result.confidence <= 0.5
    assert all(step.risk != "low" for step in result.remediation_steps if _acts(step.command))
    assert set(result.affected) <= {"db", "checkout"}, "names that the evidence knows, and nothing around them"
    assert result.extra == {}
    assert all("M9" not in each.supports for each in result.hypotheses)
    assert result.root_cause == "" or result.root_cause.startswith("Hypothesis")

    told = message.model_copy(update={"analysis": result, "evidence": evidence, "sent_at": NOW})
    _acts_on_nobody(told, result, evidence)


def _acts_on_nobody(told: Message, result: AnalysisResult, evidence: EvidenceReport) -> None:
    blocks: dict[str, Any] = body(told)
    slack = json.dumps(blocks, ensure_ascii=False)
    for own in (told.url, *(link for each in evidence.findings for link in (each.link, each.explore) if link)):
        slack = slack.replace(own, "")
    assert not re.search(r"<[!@#]|<https?:|<mailto:|\bhttps?://evil|\bwww\.evil", slack)
    assert (blocks["parse"], blocks["link_names"], blocks["unfurl_links"]) == ("none", False, False)
    markdown = as_markdown(result, evidence, told.alerts)
    shown = re.sub(r"(`+).*?\1", "", markdown)  # code spans are not interpreted
    assert not re.search(
        r"(?<!\\)<(?!https://grafana\.example)[a-zA-Z!/]|(?<!\\)!?\[[^\]]*(?<!\\)\]\((?!https://grafana\.example|#)",
        shown,
    )
    assert all(char.isprintable() or char == "\n" for char in as_text(result, evidence, told.alerts))


def _acts(command: str) -> bool:
    """Commands that change, send or load something."""
    words = ("| sh", "| bash", "rm -rf", "delete", "drop", "destroy", "-d @", "create", "base64 -d")
    return any(word in command for word in words)
