import json
from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor.clock import ReplayClock
from aiops_processor.llm.explain import Explainer
from aiops_processor.llm.lineup import Candidate, Lineup
from aiops_processor.llm.prompt import Prompt
from aiops_processor.llm.pseudonyms import Pseudonyms
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.notification import Message

pytestmark = pytest.mark.anyio


async def test_a_model_never_learns_the_names_and_people_never_see_the_others(
    scripted: Callable[..., Any], message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    answer = {
        "summary": "Failed requests of Name-1 rose from 0 to 12.4/s [M1].",
        "evidence": [{"id": "M1", "statement": "Failed requests of name-1 rose from 0 to 12.4/s"}],
        "affected": ["name-1", "name-2"],
    }
    model = scripted(json.dumps(answer))
    explainer = Explainer(Lineup([Candidate(model)]), clock, hidden=["service"])
    result = await explainer.explain(message.alerts, evidence)
    assert model.questions == [tuple(explainer.prompt(message.alerts, evidence))]
    assert "checkout" not in "".join(model.questions[0])
    assert result.summary == "Failed requests of checkout rose from 0 to 12.4/s [M1]."
    assert result.evidence[0].verified
    assert result.affected == ("checkout", "db")


def test_a_stem_that_stands_in_the_evidence_is_not_taken(message: Message, evidence: EvidenceReport) -> None:
    item = evidence.findings[0].model_copy(update={"entity": "name-1"})
    names = Pseudonyms(["service"], message.alerts, evidence.model_copy(update={"findings": (item,)}))
    assert names._hidden["name-1"] == "alias-1"


def test_without_labels_nothing_is_hidden(message: Message, evidence: EvidenceReport) -> None:
    assert Pseudonyms([], message.alerts, evidence)._hidden == {}


def test_long_pseudonyms_do_not_break_the_budget(
    scripted: Callable[..., Any], message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    item = evidence.findings[0].model_copy(update={"entity": "db", "statement": "db " * 90, "title": "db " * 90})
    report = evidence.model_copy(update={"findings": (item,) * 60})
    explainer = Explainer(Lineup([Candidate(scripted())]), clock, hidden=["service"])
    prompt = explainer.prompt(message.alerts, report)
    assert 4000 < prompt.tokens <= 6000
    assert "db" not in prompt.question


def test_of_a_name_that_was_cut_no_beginning_is_left(
    scripted: Callable[..., Any], message: Message, evidence: EvidenceReport, clock: ReplayClock
) -> None:
    name = "acme-secret-customer-payments"
    explainer = Explainer(Lineup([Candidate(scripted())]), clock, hidden=["service"])
    for room in range(260, 300):
        labels = {"alertname": "X", "service": name}
        alert = message.alerts[0].model_copy(update={"labels": labels, "annotations": {"d": f"{'x' * room} {name} y"}})
        question = explainer.prompt([alert], evidence).question
        assert "acme" not in question
        assert "…" in question or room < 275


def test_letters_that_only_look_different_are_hidden_too(message: Message, evidence: EvidenceReport) -> None:
    alert = message.alerts[0].model_copy(update={"labels": {"alertname": "X", "service": "payments"}})
    names = Pseudonyms(["service"], [alert], evidence)
    assert "payment" not in names.hide(Prompt("paymentſ failed", "PAYMENTS")).system
