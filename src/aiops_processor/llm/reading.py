"""Reading what models really answer when they are asked for one JSON object.

Fences, `<think>` blocks with JSON in them, prose or a list around it, trailing commas, a cut end: read where what was
meant is clear. The values inside are taken by `shapes`.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiops_processor.errors import ModelUnreadable
from aiops_processor.llm.shapes import Draft

MOST_CHARACTERS = 100_000
MOST_ATTEMPTS = 300
MOST_MENDINGS = 20

_END_OF_THOUGHT = re.compile(r"(?i)</think\s*>")
_STRING = r'"(?:[^"\\]|\\.)*"'
_STRUCTURE = re.compile(rf'{_STRING}|[{{}}\[\],"]', re.DOTALL)
_TRAILING_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_CLOSERS = {"{": "}", "[": "]"}


def read(text: str) -> Draft:
    """The draft in a model's answer. Raises ModelUnreadable, which says what is wrong, and nothing else."""
    text = text[:MOST_CHARACTERS]
    try:
        for part in (_END_OF_THOUGHT.split(text)[-1], text):
            for objects in (_whole_objects, _mended_objects):
                drafts = [Draft.model_validate(_known(found)) for found in objects(part)]
                usable = [draft for draft in drafts if draft.summary or draft.root_cause]
                if usable:
                    # Of several the fullest, of equals the last: models try, then decide.
                    return max(reversed(usable), key=lambda draft: len(draft.model_fields_set))
    except RecursionError:
        raise ModelUnreadable("its JSON is nested too deeply") from None
    if "{" not in text:
        raise ModelUnreadable("it holds no JSON object")
    raise ModelUnreadable("it holds no readable JSON object with a summary or a root cause")


def _known(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name in Draft.model_fields and value is not None}


def _whole_objects(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object that is in order as it stands, outermost first."""
    decoder = json.JSONDecoder(strict=False)
    at, failed = text.find("{"), 0
    while at >= 0 and failed < MOST_ATTEMPTS:
        try:
            found, end = decoder.raw_decode(text, at)
        except ValueError:
            failed, end = failed + 1, at + 1
        else:
            yield found
        at = text.find("{", end)


def _mended_objects(text: str) -> Iterator[dict[str, Any]]:
    """What parses once commas, escapes and a missing end are mended. A value that was cut is left out, not guessed."""
    for start in islice(re.finditer(r"\{", text), MOST_MENDINGS):
        try:
            found = json.loads(_mended(text[start.start() :]), strict=False)
        except ValueError:
            continue
        yield found


def _mended(text: str) -> str:
    closed = _TRAILING_COMMA.sub(lambda found: found[1] or "", _closed(text))
    return _ESCAPE.sub(lambda found: found[0] if found[1] in '"\\/bfnrtu' else f"\\{found[0]}", closed)


def _closed(text: str) -> str:
    """The object that begins the text, up to its end; where that is missing, up to the last complete value, closed."""
    open_: list[str] = []
    complete = 0
    for found in _STRUCTURE.finditer(text):
        mark = found[0]
        if mark in _CLOSERS:
            open_.append(_CLOSERS[mark])
        elif mark in {"}", "]"} and open_[-1] == mark:
            open_.pop()
        elif mark in {'"', "}", "]"}:  # a string without an end, or a bracket that closes nothing
            break
        elif mark != ",":
            continue
        complete = found.start() if mark == "," else found.end()
        if not open_:
            break
    return text[:complete] + "".join(reversed(open_))
