"""The prompt: alerts and ranked evidence within a token budget, fenced as data that nobody should obey.

The same evidence makes the same prompt, byte for byte.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from aiops_processor.errors import ConfigError
from aiops_processor.llm.facts import alert_line, cut, datum, finding_block, gap_line, healthy_line, window_line
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import EvidenceReport

T = TypeVar("T")

TOKEN_BUDGET = 6000
SMALLEST_BUDGET = 1500
BYTES_PER_TOKEN = 3
"""A low guess, so that the estimate is high: English has about four bytes a token, PromQL and hexadecimal ids three."""

_FOLDER = Path(__file__).parent / "prompts"
_ALERTS_SHARE, _GAPS_SHARE, _HEALTHY_SHARE = 0.2, 0.15, 0.1
_REPAIR_BYTES = 500
_NOTE_BYTES = 60


class Prompt(NamedTuple):
    """What a model is sent."""

    system: str
    question: str

    @property
    def tokens(self) -> int:
        """The estimate that the budget is held against."""
        return -(-_size(self.system + self.question) // BYTES_PER_TOKEN)


def build(alerts: Sequence[Alert], evidence: EvidenceReport, token_budget: int = TOKEN_BUDGET) -> Prompt:
    """The prompt for these alerts and this evidence. Raises ConfigError for a budget that nothing fits into.

    Findings are taken in the report's order, strongest first; how many did not fit is said in their place.
    """
    if token_budget < SMALLEST_BUDGET:
        raise ConfigError(f"a token budget of {token_budget} is too small; {SMALLEST_BUDGET} at least")
    templates = _templates()
    system = templates.get_template("system.md.j2").render()
    question = templates.get_template("question.md.j2")
    window = window_line(evidence.window)
    empty = question.render(alerts=(), window=window, findings=(), gaps=(), healthy=())
    room = token_budget * BYTES_PER_TOKEN - _size(system + empty) - _REPAIR_BYTES
    return Prompt(system, question.render(window=window, **_told(alerts, evidence, room)))


def repair(prompt: Prompt, problem: str) -> Prompt:
    """The same question again, saying what was wrong with the answer. Stays within the budget."""
    template = _templates().get_template("repair.md.j2")
    return prompt._replace(question=template.render(question=prompt.question, problem=datum(problem, 200)))


def _told(alerts: Sequence[Alert], evidence: EvidenceReport, room: int) -> dict[str, list[str]]:
    """What of it all fits into `room` bytes: shares for alerts, gaps and what is healthy, all the rest for findings."""
    told = {
        "alerts": _fitting(alerts, alert_line, int(room * _ALERTS_SHARE), "more alerts"),
        "gaps": _fitting(evidence.gaps, gap_line, int(room * _GAPS_SHARE), "more gaps"),
        "healthy": _fitting(evidence.healthy, healthy_line, int(room * _HEALTHY_SHARE), "more"),
    }
    left = room - sum(_size(line) + 1 for lines in told.values() for line in lines)
    return {**told, "findings": _fitting(evidence.findings, finding_block, left, "weaker findings left out")}


def _fitting(items: Sequence[T], written: Callable[[T], str], room: int, rest: str) -> list[str]:
    """The first items that fit, the first of all in any case, and a note on how many did not."""
    fitting: list[str] = []
    left = room - _NOTE_BYTES
    for place, item in enumerate(items):
        line = written(item)
        if fitting and _size(line) + 1 > left:
            return [*fitting, f"({len(items) - place} {rest})"]
        fitting.append(cut(line, max(left - 1, 3)))
        left -= _size(fitting[-1]) + 1
    return fitting


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - a prompt is no HTML; foreign text is made harmless in facts.py
    )
