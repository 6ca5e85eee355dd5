"""Reading what models really answer when they are asked for one JSON object.

Fences, `<think>` blocks with JSON in them, prose or a list around it, a tool call, other spellings of JSON, a cut end,
YAML, Markdown: read where what was meant is clear. The values inside are taken by `shapes`.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from aiops_processor.errors import ModelUnreadable
from aiops_processor.llm.reading import mending, prose
from aiops_processor.llm.reading.shapes import Draft

MOST_CHARACTERS = 100_000

_END_OF_THOUGHT = re.compile(r"(?i)</think(?:ing)?\s*>")
_OTHER_NAMES = {
    "rootcause": "root_cause",
    "cause": "root_cause",
    "likely_cause": "root_cause",
    "probable_cause": "root_cause",
    "likely_root_cause": "root_cause",
    "probable_root_cause": "root_cause",
    "tl_dr": "summary",
    "remediation": "remediation_steps",
    "steps": "remediation_steps",
    "next_steps": "remediation_steps",
    "recommendations": "remediation_steps",
    "recommended_actions": "remediation_steps",
    "actions": "remediation_steps",
    "severity": "severity_assessment",
    "impact": "severity_assessment",
    "affected_components": "affected",
    "affected_services": "affected",
    "confidence_score": "confidence",
    "confidence_level": "confidence",
}
_NAMES = frozenset(Draft.model_fields) | frozenset(_OTHER_NAMES)


def read(text: str) -> Draft:
    """The draft in a model's answer. Raises ModelUnreadable, which says what is wrong, and nothing else."""
    text = text[:MOST_CHARACTERS]
    try:
        for part in dict.fromkeys((_END_OF_THOUGHT.split(text)[-1], text)):
            for found in _readings(part):
                usable = [draft for draft in map(_draft, found) if draft.summary or draft.root_cause]
                if usable:
                    # Of several the fullest, of equals the last: models try, then decide.
                    return max(reversed(usable), key=lambda draft: len(draft.model_fields_set))
    except RecursionError:
        raise ModelUnreadable("its JSON is nested too deeply") from None
    if "{" not in text:
        raise ModelUnreadable("it holds no JSON object")
    raise ModelUnreadable("it holds no readable JSON object with a summary or a root cause")


def _readings(text: str) -> Iterator[Iterable[dict[str, Any]]]:
    """What an answer may be, by each way to read it, strictest first."""
    yield from mending.objects(text)
    if "{" not in text:  # what is no JSON though it tries to be is not read as something else
        yield [prose.from_yaml(text, _NAMES)]
        yield [prose.from_labels(text, _NAMES)]


def _draft(found: dict[str, Any]) -> Draft:
    """The fields that we know, under the name that we know; of two spellings of one, our own."""
    named = {prose.field_name(name): value for name, value in found.items() if value is not None}
    others = {_OTHER_NAMES[name]: value for name, value in named.items() if name in _OTHER_NAMES}
    known = {name: value for name, value in named.items() if name in Draft.model_fields}
    return Draft.model_validate({**others, **known})
