"""How many false claims are caught, and how many true ones are dropped, over recorded incidents."""

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from aiops_processor.llm.reading.shapes import Draft
from aiops_processor.llm.verification.verify import check
from aiops_processor.models.evidence import EvidenceReport

log = logging.getLogger(__name__)

CAUGHT, DROPPED = 0.98, 0.02
RULES = (
    "wrong number", "wrong unit", "wrong entity", "wrong time", "wrong direction", "wrong order", "wrong negation",
    "invented id", "invented quote", "smuggled remark",
)  # fmt: skip

Reports = dict[str, EvidenceReport]


def verified(claim: Any, reports: Reports) -> bool:
    draft = Draft.model_validate({"summary": "s", "evidence": [{"id": claim.id, "statement": claim.statement}]})
    return all(statement.verified for statement in check(draft, reports[claim.report]).evidence)


@pytest.mark.parametrize("kind", ["hand_written", "templated"])
def test_true_claims_stand(request: pytest.FixtureRequest, reports: Reports, kind: str) -> None:
    claims: Sequence[Any] = request.getfixturevalue(kind)
    dropped = [claim for claim in claims if not verified(claim, reports)]
    for claim in dropped:
        log.info("dropped: %s %s %s", claim.report, claim.id, claim.statement)
    log.info("%s: %s of %s true claims dropped", kind, len(dropped), len(claims))
    assert len(claims) >= 60
    assert len(dropped) <= DROPPED * len(claims)


@pytest.mark.parametrize("rule", RULES)
def test_false_claims_are_caught(mutants: dict[str, list[Any]], reports: Reports, rule: str) -> None:
    passed = [(true, false) for true, false in mutants[rule] if verified(false, reports)]
    for true, false in passed:
        log.info("passed: %s %s %s  (true: %s)", false.report, false.id, false.statement, true.statement)
    log.info("%s: %s of %s caught", rule, len(mutants[rule]) - len(passed), len(mutants[rule]))
    assert len(mutants[rule]) >= 60
    assert len(passed) <= (1 - CAUGHT) * len(mutants[rule])
