"""The measuring rod itself: every rule makes many claims false, the same ones each time."""

from typing import Any

RULES = (
    "wrong number", "wrong unit", "wrong entity", "wrong time", "wrong direction", "wrong order", "wrong negation",
    "invented id", "invented quote", "smuggled remark",
)  # fmt: skip


def test_every_rule_changes_many_claims(mutants: dict[str, list[Any]]) -> None:
    assert set(mutants) == set(RULES)
    assert all(len(pairs) >= 100 for pairs in mutants.values())
    assert all((true.id, true.statement) != (false.id, false.statement) for pairs in mutants.values()
               for true, false in pairs)  # fmt: skip


def test_true_claims_are_many_and_various(hand_written: list[Any], templated: list[Any]) -> None:
    assert len(hand_written) >= 60
    assert len({claim.report for claim in hand_written}) == 8
    assert len(templated) >= 500
