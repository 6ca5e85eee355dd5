"""Real rules, taken apart: sixty of them as a person read them, and all of them without an error."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from aiops_processor.query import promql

pytestmark = pytest.mark.shared

ANSWERS = Path(__file__).parents[2] / "data" / "rule_answers.yaml"
AT_LEAST = 57


@dataclass(frozen=True)
class Reading:
    """What a rule asks: its question is the side that stands first."""

    selectors: frozenset[str]
    op: str | None
    limit: float | None
    side: str
    kind: str


@pytest.fixture(scope="module")
def rules(shared: Path) -> list[str]:
    lines = (shared / "benchmarks" / "rules.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["expr"] for line in lines]


def by_hand(answer: dict[str, Any]) -> Reading:
    selectors = frozenset(canonical(each) for each in answer["selectors"])
    return Reading(selectors, answer["op"], answer["limit"], answer["side"], answer["kind"])


def by_code(expr: str) -> Reading:
    selectors = frozenset(canonical(each.text) for each in promql.selectors(expr))
    asked = promql.take_apart(expr)[0]
    side = "absent" if not asked.op else "both" if asked.threshold is None else "left"
    return Reading(selectors, asked.op or None, asked.threshold, side, asked.kind)


def canonical(text: str) -> str:
    (selector,) = promql.selectors(text)
    return f"{selector.metric} {sorted(selector.matchers)}"


def test_rules_are_read_as_a_person_reads_them(rules: list[str]) -> None:
    answers = yaml.safe_load(ANSWERS.read_text(encoding="utf-8"))
    wrong = []
    for answer in answers:
        expr = rules[answer["rule"]]
        assert hashlib.sha256(expr.encode()).hexdigest().startswith(answer["sha"])
        if by_code(expr) != by_hand(answer):
            wrong.append((answer["rule"], by_code(expr), by_hand(answer)))

    assert len(answers) == 60
    assert len(answers) - len(wrong) >= AT_LEAST, wrong
