"""Whether an analysis names a lack of capacity as the cause. Pure."""

import re
from collections.abc import Sequence

from aiops_processor.models.analysis import AnalysisResult, Verdict

WORDS = (
    "capacity",
    "saturated",
    "saturation",
    "overload",
    "overloaded",
    "exhausted",
    "exhaustion",
    "throttled",
    "throttling",
    "out of memory",
    "oom",
    "too few replicas",
    "backlog",
)
_SENTENCE = re.compile(r"(?<=[.;!?])\s+")
_DENIES = re.compile(
    r"\b(?:not?|never|without|nor|neither|cannot|unlikely|rather than|instead of|ruled out|excludes?|healthy|enough"
    r"|ample|sufficient|spare|free)\b|n['’]t\b",
    re.IGNORECASE,
)
_LACKS = r"(?:(?:\bnot|n['’]t) (?:have )?(?:enough|sufficient)|\bno (?:free|spare))"
"""What sounds like a denial and says that there is too little of what follows, with one word at most between."""


def capacity_cause(analysis: AnalysisResult | None, words: Sequence[str], least_confidence: float) -> str | None:
    """The sentence of the cause that names a lack of capacity, None where there is none.

    Only of an analysis that found a cause and is sure enough. A sentence that denies anything does not count: not to
    scale costs a person a look, to scale for nothing costs more.
    """
    if analysis is None or analysis.outcome is not Verdict.FOUND or analysis.confidence < least_confidence:
        return None
    either = "|".join(rf"\b{re.escape(word)}\b" for word in words)
    named = re.compile(either, re.IGNORECASE)
    lacking = re.compile(rf"{_LACKS} (?:\w+ )?(?={either})", re.IGNORECASE)
    for sentence in _SENTENCE.split(" ".join(analysis.root_cause.split())):
        if named.search(sentence) and not _DENIES.search(lacking.sub("", sentence)):
            return sentence
    return None
