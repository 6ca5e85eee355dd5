"""The fields of an analysis as models fill them, and the shapes that they arrive in."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from aiops_processor.models.analysis import Hypothesis, Statement, Step, Verdict
from aiops_processor.models.base import Frozen

_ID = re.compile(r"\b[A-Z]\d{1,4}\b")
_LEADING_ID = re.compile(r"^\W*[A-Z]\d{1,4}\b[\])]?[\s:–—-]*")
_BULLET = re.compile(r"(?i)^\s*(?:[-*•]|(?:step\s*)?\d+[.:)])\s+")
_NUMBER = re.compile(r"(-?\d+(?:[.,]\d+)?)(?:\s*(?:/|out of|of)\s*(\d+))?")
_UNDER_TWENTY = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBER_WORDS = {word: number for number, word in enumerate(_UNDER_TWENTY)} | {
    word: 10 * number for number, word in enumerate(_TENS, 2)
}
_IN_WORDS = re.compile(rf"\b({'|'.join(_NUMBER_WORDS)})\b(?:[\s-]+({'|'.join(_UNDER_TWENTY[1:10])})\b)?")
_TEXT_KEYS = ("text", "statement", "summary", "description", "cause", "hypothesis", "action", "step", "name", "value")
_ID_KEYS = ("id", "evidence_id")
_CONFIDENCE = {
    "certain": 1.0, "very high": 0.9, "very likely": 0.9, "high": 0.8, "likely": 0.8, "medium": 0.5, "moderate": 0.5,
    "possible": 0.5, "low": 0.2, "unlikely": 0.2, "very low": 0.1,
}  # fmt: skip
_URGENCY = {"critical": 1, "immediate": 1, "high": 1, "medium": 2, "low": 3}


def as_text(value: Any) -> str:
    """Any JSON value as text. Of an object the field that holds the text, else all of them."""
    if isinstance(value, Mapping):
        named = next((value[key] for key in _TEXT_KEYS if value.get(key)), None)
        if named is not None:
            return as_text(named)
        return "; ".join(f"{as_text(key)}: {as_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "; ".join(filter(None, map(as_text, value)))
    # A half of a surrogate pair (`\ud83d` in cut JSON) cannot be stored or sent.
    return "" if value is None else _visible(str(value).encode("utf-8", "replace").decode()).strip()


def _visible(text: str) -> str:
    """Without what nobody sees: with a space of no width in it, `not` would be checked as two words and read as one."""
    return "".join(each if each.isprintable() or each == "\n" else " " if each.isspace() else "" for each in text)


def as_texts(value: Any) -> tuple[str, ...]:
    """A list of texts, given as a list, as lines or as one text."""
    return tuple(filter(None, (_BULLET.sub("", as_text(item)) for item in _items(value))))


def as_confidence(value: Any) -> float | None:
    """Between 0 and 1, from 0.85, 85, "85 %", "8/10", "eighty-five percent" or "high"; None where it says none."""
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("value", "score", "confidence", "level") if key in value), None)
    if isinstance(value, str):
        value = _confidence_in_words(value.strip().lower())
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= 100:
        return None
    return max(0.0, value / 100 if value > 1 else float(value))


def _confidence_in_words(text: str) -> float | None:
    figures = _IN_WORDS.sub(lambda word: str(_NUMBER_WORDS[word[1]] + _NUMBER_WORDS.get(word[2], 0)), text)
    found = _NUMBER.search(figures)
    if not found:
        return _CONFIDENCE.get(text)
    whole = 100 if "%" in figures or "percent" in figures else int(found[2] or 1)
    return float(found[1].replace(",", ".")) / whole if whole else None


def as_outcome(value: Any) -> Verdict | None:
    """One of ours, however it is spelt; None where it is none."""
    word = re.sub(r"[\s-]+", "_", as_text(value).lower())
    return Verdict(word) if word in set(Verdict) else None


def as_statements(value: Any) -> tuple[Statement, ...]:
    """Claims with the id each cites, from objects or from texts such as "M1: errors rose". None is verified yet."""
    return _each(_statement, value)


def as_hypotheses(value: Any) -> tuple[Hypothesis, ...]:
    """Possible causes, from objects or texts."""
    return _each(_hypothesis, value)


def as_steps(value: Any) -> tuple[Step, ...]:
    """Steps in the order given, from objects or texts. Their risk is not the model's to say."""
    return tuple(
        step.model_copy(update={"priority": step.priority or place})
        for place, step in enumerate(_each(_step, value), 1)
    )


def as_fields(value: Any) -> dict[str, str]:
    """The user's own fields as texts; nothing where they are no object."""
    return {str(name): as_text(item) for name, item in value.items()} if isinstance(value, Mapping) else {}


class Draft(Frozen):
    """What a model made of the evidence, before anything in it was checked. Every field may be missing."""

    summary: Annotated[str, BeforeValidator(as_text)] = ""
    root_cause: Annotated[str, BeforeValidator(as_text)] = ""
    outcome: Annotated[Verdict | None, BeforeValidator(as_outcome)] = None
    confidence: Annotated[float | None, BeforeValidator(as_confidence)] = None
    hypotheses: Annotated[tuple[Hypothesis, ...], BeforeValidator(as_hypotheses)] = ()
    evidence: Annotated[tuple[Statement, ...], BeforeValidator(as_statements)] = ()
    remediation_steps: Annotated[tuple[Step, ...], BeforeValidator(as_steps)] = ()
    severity_assessment: Annotated[str, BeforeValidator(as_text)] = ""
    affected: Annotated[tuple[str, ...], BeforeValidator(as_texts)] = ()
    extra: Annotated[dict[str, str], BeforeValidator(as_fields)] = Field(default_factory=dict)


def _statement(value: Any) -> Statement | None:
    said, cited = as_text(value), as_text(value)
    if isinstance(value, Mapping):
        said = as_text({key: item for key, item in value.items() if key not in _ID_KEYS})
        cited = as_text([value.get(key) for key in (*_ID_KEYS, "source")])
    found = _ID.search(cited)
    claim = _LEADING_ID.sub("", _BULLET.sub("", said))
    return Statement(id=found[0] if found else "", statement=claim, verified=False) if claim else None


def _hypothesis(value: Any) -> Hypothesis | None:
    cause = as_text(value)
    if not isinstance(value, Mapping):
        return Hypothesis(cause=cause) if cause else None
    cause = as_text(value.get("cause") or value.get("hypothesis")) or cause
    ids = {side: tuple(_ID.findall(as_text(value.get(side)))) for side in ("supports", "contradicts")}
    return Hypothesis(cause=cause, **ids) if cause else None


def _step(value: Any) -> Step | None:
    if not isinstance(value, Mapping):
        action = _BULLET.sub("", as_text(value))
        return Step(priority=0, action=action) if action else None
    action = as_text(value.get("action") or value.get("step") or value.get("title")) or as_text(value)
    about, command = as_text(value.get("description")), as_text(value.get("command"))
    if not action:
        return None
    return Step(priority=_priority(value.get("priority")), action=action, command=command, description=about)


def _priority(value: Any) -> int:
    word = as_text(value).lower()
    found = re.search(r"\d{1,2}", word)
    return int(found[0]) if found else _URGENCY.get(word, 0)


def _each(make: Any, value: Any) -> tuple[Any, ...]:
    return tuple(made for item in _items(value) if (made := make(item)) is not None)


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, list):
        return value
    return value.splitlines() if isinstance(value, str) else [value]
