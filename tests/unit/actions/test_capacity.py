"""Whether a cause is a lack of capacity: better once too seldom than once too often."""

from datetime import UTC, datetime
from typing import Any

import pytest

from aiops_processor.actions.capacity import WORDS, capacity_cause
from aiops_processor.models.analysis import AnalysisResult, Verdict


def analysis(cause: str, **others: Any) -> AnalysisResult:
    usual: dict[str, Any] = {
        "alert_name": "A",
        "severity": "critical",
        "summary": "s",
        "root_cause": cause,
        "outcome": Verdict.FOUND,
        "confidence": 0.8,
        "analyzed_at": datetime(2026, 1, 31, tzinfo=UTC),
    }
    return AnalysisResult.model_validate({**usual, **others})


@pytest.mark.parametrize(
    "cause",
    [
        "The CPU of checkout is saturated [M1].",
        "checkout runs out of capacity. The database is not at fault.",
        "A deploy came first; OOM kills followed [L2].",
        "Workers are THROTTLED by their CPU limit [M3].",
        "There is not enough capacity for the traffic [M1].",
        "The nodes don't have enough memory capacity [M1].",
        "checkout is slow: no free capacity is left [M2].",
        "Insufficient capacity: the queue grows [M2].",
    ],
)
def test_a_lack_of_capacity_is_one(cause: str) -> None:
    assert capacity_cause(analysis(cause), WORDS, 0.5) is not None


@pytest.mark.parametrize(
    "cause",
    [
        "The disk failed [L1].",
        "This is not a capacity problem [M1].",
        "There is enough capacity; the new version leaks connections [C1].",
        "The pool isn't exhausted [M2].",
        "There is not enough evidence of a lack of capacity.",
        "It does not look as if there was not enough capacity.",
        "Not enough capacity was ruled out [M1].",
        "Saturation was ruled out [M2].",
        "The room is called Zoom and the broom is blooming.",
        "",
    ],
)
def test_what_is_none_or_is_denied_is_none(cause: str) -> None:
    assert capacity_cause(analysis(cause), WORDS, 0.5) is None


def test_an_analysis_that_is_not_sure_enough_scales_nothing() -> None:
    cause = "The CPU is saturated."
    assert capacity_cause(None, WORDS, 0.5) is None
    assert capacity_cause(analysis(cause, confidence=0.4), WORDS, 0.5) is None
    assert capacity_cause(analysis(cause, outcome=Verdict.INCONCLUSIVE), WORDS, 0.5) is None


def test_the_sentence_that_says_so_is_given_back() -> None:
    cause = "First a deploy [C1]. Then memory was exhausted [M1]. Then it restarted."
    assert capacity_cause(analysis(cause), WORDS, 0.5) == "Then memory was exhausted [M1]."
    assert capacity_cause(analysis(cause), ("deploy",), 0.5) == "First a deploy [C1]."
