"""Log lines by their kind: what varies is masked, what is left is the template. Pure.

Reads JSON lines, logfmt and plain text. Counts before and after are compared by the deviance residual of a Poisson
count, in units of about one standard deviation.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aiops_processor.models.samples import Entry

MESSAGE_KEYS = ("msg", "message", "log", "event", "text", "body")
REASON_KEYS = ("error", "err", "exception", "exc", "reason", "cause")
LEVEL_KEYS = ("level", "detected_level", "severity", "lvl", "levelname", "log_level", "loglevel", "severity_text")
LONGEST = 2_000
"""Of a line longer than this only the head is looked at."""
USUAL_GROWTH = 1.5
"""Traffic comes and goes: so much more, or the inverse less, is not a change of the kind of line."""
NEW = 1.3
"""What was never seen before is more telling than what was."""
SEVERITY = {"fatal": 2.5, "error": 1.5, "warn": 1.2, "info": 0.5, "debug": 0.3, "trace": 0.3}
OTHER_SEVERITY = 0.7
HIGHEST = 100.0

_LEVELS = {
    "fatal": "fatal", "critical": "fatal", "crit": "fatal", "panic": "fatal", "emerg": "fatal", "emergency": "fatal",
    "alert": "fatal", "error": "error", "err": "error", "eror": "error", "severe": "error", "warn": "warn",
    "warning": "warn", "info": "info", "information": "info", "notice": "info", "debug": "debug", "trace": "trace",
}  # fmt: skip
_MASKS = (
    (re.compile(r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"), "<time>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<address>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<id>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}\b"), "<id>"),
    (re.compile(r'"[^"\n]{1,200}"'), "<text>"),
    (re.compile(r"(?<!\w)'[^'\n]{1,200}'(?!\w)"), "<text>"),
    (re.compile(r"(?<![A-Za-z_])[-+]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?"), "<n>"),
    (re.compile(r"\d+"), "<n>"),
)
_LOGFMT = re.compile(r'([A-Za-z_][\w.]*)=("(?:[^"\\]|\\.)*"|[^\s"]+)')
_WORD_LEVEL = re.compile(rf"\b({'|'.join(_LEVELS)})\b", re.IGNORECASE)
_HEAD = 80
"""Where plain lines name their level."""


@dataclass(frozen=True)
class Line:
    """One line as it counts: who wrote it, when, its level and its template. `entry` is the real one."""

    entity: str
    level: str
    template: str
    labels: dict[str, str]
    entry: Entry


@dataclass(frozen=True)
class TemplateChange:
    """One kind of line of one entity before and after; `example` is a real line of the side that has more of them."""

    entity: str
    level: str
    template: str
    before: int
    after: int
    score: float
    example: Line


def read(entity: str, labels: dict[str, str], entry: Entry) -> Line:
    """The line's level and template: fields where it has them, else words."""
    text = entry.line[:LONGEST]
    fields = _fields(text)
    message = _message(fields) if fields else text
    given = next((each[key] for each in (entry.metadata, labels, fields) for key in LEVEL_KEYS if each.get(key)), "")
    return Line(entity, level_of(given) or _level_word(text), template_of(message), labels, entry)


def level_of(word: str) -> str:
    """The level that a program's own word for it means; "" for a word that is none."""
    return _LEVELS.get(word.lower(), "")


def template_of(message: str) -> str:
    """The message with everything masked that is likely to differ from line to line."""
    text = message.strip()
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return " ".join(text.split())


def compare(
    before: Sequence[Line], after: Sequence[Line], before_seconds: float, after_seconds: float
) -> list[TemplateChange]:
    """The kinds of lines that became more or fewer, most changed first. The seconds are what was really looked at."""
    if before_seconds <= 0 or after_seconds <= 0:
        return []
    examples: dict[tuple[str, str, str], Line] = {}
    counts: tuple[Counter[tuple[str, str, str]], ...] = (Counter(), Counter())
    for count, lines in zip(counts, (before, after), strict=True):
        for line in lines:
            key = (line.entity, line.level, line.template)
            count[key] += 1
            examples[key] = line
    changes = [TemplateChange(*key, counts[0][key], counts[1][key], 0.0, example) for key, example in examples.items()]
    ratio = after_seconds / before_seconds
    scored = [_scored(change, ratio) for change in changes]
    return sorted(scored, key=lambda each: (-each.score, each.entity, each.template))


def _scored(change: TemplateChange, ratio: float) -> TemplateChange:
    weight = SEVERITY.get(change.level, OTHER_SEVERITY) * (NEW if not change.before else 1.0)
    score = min(HIGHEST, weight * surprise(change.before, change.after, ratio))
    return TemplateChange(
        change.entity, change.level, change.template, change.before, change.after, score, change.example
    )


def surprise(before: int, after: int, ratio: float) -> float:
    """How unlikely `after` is when `before` was seen in 1/`ratio` of the time, in standard deviations; never negative.

    The deviance residual of a Poisson count, beyond a growth or fall that is usual. One more line is supposed in the
    baseline, so that a first line ever is not infinitely surprising.
    """
    expected = (before + 1) * ratio if after > before * ratio else before * ratio
    if after > expected * USUAL_GROWTH:
        return _deviance(after, expected * USUAL_GROWTH)
    return _deviance(after, expected / USUAL_GROWTH) if after < expected / USUAL_GROWTH else 0.0


def _deviance(seen: int, expected: float) -> float:
    logarithm = seen * math.log(seen / expected) if seen else 0.0
    return math.sqrt(max(0.0, 2 * (logarithm - seen + expected)))


def _fields(text: str) -> dict[str, str]:
    """The fields of a JSON or logfmt line as text; nothing where it is neither."""
    if text.startswith("{"):
        try:
            parsed = json.loads(text)
        except ValueError:
            return {}
        return {str(key): value if isinstance(value, str) else str(value) for key, value in parsed.items()}
    found = {key: value.strip('"') for key, value in _LOGFMT.findall(text)}
    return found if any(key in found for key in MESSAGE_KEYS) else {}


def _message(fields: dict[str, str]) -> str:
    parts = [next((fields[key] for key in keys if fields.get(key)), "") for keys in (MESSAGE_KEYS, REASON_KEYS)]
    return ": ".join(part for part in parts if part) or " ".join(sorted(fields))


def _level_word(text: str) -> str:
    found = _WORD_LEVEL.search(text[:_HEAD])
    return _LEVELS[found.group(1).lower()] if found else ""
