"""The prompt: alerts and ranked evidence within a token budget, fenced as data that nobody should obey.

The same evidence makes the same prompt, byte for byte. Every template can be replaced by a file of the same name in the
user's own folder (see `own.py` for what else may stand there).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from aiops_processor.errors import ConfigError
from aiops_processor.llm.facts import alert_line, cut, datum, finding_block, gap_line, healthy_line, window_line
from aiops_processor.llm.own import Own
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import EvidenceReport

T = TypeVar("T")

TOKEN_BUDGET = 6000
SMALLEST_BUDGET = 1500
BYTES_PER_TOKEN = 3
"""A low guess, so that the estimate is high: English has about four bytes a token, PromQL and hexadecimal ids three."""

_FOLDER = Path(__file__).parent / "prompts"
_ALERTS_SHARE, _GAPS_SHARE, _HEALTHY_SHARE = 0.2, 0.15, 0.1
_CONTEXT_SHARE = 0.15
_NOTES_SHARE, _PAST_SHARE = 0.2, 0.1
_LEAST_ROOM = 900
_REPAIR_BYTES = 500
_NOTE_BYTES = 60
ENGLISH = "English"


class Prompt(NamedTuple):
    """What a model is sent."""

    system: str
    question: str

    @property
    def tokens(self) -> int:
        """The estimate that the budget is held against."""
        return -(-_size(self.system + self.question) // BYTES_PER_TOKEN)


class Prompts:
    """Builds prompts, from the user's own templates where there are any. `folder` is None where there are none."""

    def __init__(self, folder: Path | None = None, language: str = ENGLISH) -> None:
        self._own = Own(folder)
        self._language = language
        self._templates = Environment(
            loader=FileSystemLoader([*([folder] if folder else []), _FOLDER]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,  # noqa: S701 - a prompt is no HTML; foreign text is made harmless in facts.py
        )

    @property
    def extra(self) -> dict[str, str]:
        """The fields of the user's own that a model is to fill, each with what it is for."""
        return self._own.extra

    def own_texts(self, alerts: Sequence[Alert], evidence: EvidenceReport) -> str:
        """What the user wrote for the model that bears on these alerts, as far as it was told."""
        return self._own.context(_names(alerts, evidence), int(TOKEN_BUDGET * BYTES_PER_TOKEN * _CONTEXT_SHARE))

    def check(self, token_budget: int = TOKEN_BUDGET) -> None:
        """Raises ConfigError where the user's own texts leave no room for evidence or cannot be used."""
        self._own.check()
        self._frame((), "", token_budget)

    def build(
        self,
        alerts: Sequence[Alert],
        evidence: EvidenceReport,
        token_budget: int = TOKEN_BUDGET,
        *,
        past: Sequence[str] = (),
        notes: Sequence[str] = (),
        tools: bool = False,
    ) -> Prompt:
        """The prompt for these alerts and this evidence. Raises ConfigError for a budget that nothing fits into.

        First come findings that the model asked for, then the others in the report's order, strongest first; how many
        did not fit is said in their place. `past` are similar incidents, `notes` answers to the model in words, each
        told in a line. `tools`: it may ask for more.
        """
        window = window_line(evidence.window)
        system, room = self._frame(_names(alerts, evidence), window, token_budget, tools=tools)
        told = _told(alerts, evidence, room, past, notes)
        return Prompt(system, self._render("alert.md.j2", window=window, **told))

    def repair(self, prompt: Prompt, problem: str) -> Prompt:
        """The same question again, saying what was wrong with the answer. Stays within the budget."""
        question = self._render("repair.md.j2", question=prompt.question, problem=datum(problem, 200))
        return prompt._replace(question=question)

    def _frame(self, names: Sequence[str], window: str, token_budget: int, *, tools: bool = False) -> tuple[str, int]:
        """The system text, and the bytes that are left for what was found."""
        if token_budget < SMALLEST_BUDGET:
            raise ConfigError(f"a token budget of {token_budget} is too small; {SMALLEST_BUDGET} at least")
        whole = token_budget * BYTES_PER_TOKEN
        context = self._own.context(names, int(whole * _CONTEXT_SHARE))
        system = self._render(
            "system.md.j2", language=self._language, context=context, extra=self._own.extra, tools=tools
        )
        nothing: dict[str, Sequence[str]] = dict.fromkeys(
            ("alerts", "findings", "gaps", "healthy", "past", "notes"), ()
        )
        empty = self._render("alert.md.j2", window=window, **nothing)
        room = whole - _size(system + empty) - _REPAIR_BYTES
        if room < _LEAST_ROOM:
            raise ConfigError(
                f"LLM_PROMPTS: the templates alone fill the prompt of {token_budget} tokens; "
                "shorten system.md.j2, alert.md.j2 or extra.yaml"
            )
        return system, room

    def _render(self, name: str, **values: object) -> str:
        try:
            return self._templates.get_template(name).render(**values)
        except TemplateError as error:
            raise ConfigError(f"LLM_PROMPTS: {name}: {error}") from error


def build(alerts: Sequence[Alert], evidence: EvidenceReport, token_budget: int = TOKEN_BUDGET) -> Prompt:
    """The prompt of our own templates."""
    return Prompts().build(alerts, evidence, token_budget)


def repair(prompt: Prompt, problem: str) -> Prompt:
    """The same question again, by our own template."""
    return Prompts().repair(prompt, problem)


def _names(alerts: Sequence[Alert], evidence: EvidenceReport) -> list[str]:
    """What additions may be about: alert names, then components, those of the strongest findings first."""
    labels = ("service", "component", "pod", "instance", "namespace", "job")
    of_alerts = [alert.labels[label] for alert in alerts for label in labels if alert.labels.get(label)]
    entities = [item.entity for item in evidence.findings]
    return list(dict.fromkeys([*(alert.name for alert in alerts), *entities, *of_alerts]))


def _told(
    alerts: Sequence[Alert], evidence: EvidenceReport, room: int, past: Sequence[str], notes: Sequence[str]
) -> dict[str, list[str]]:
    """What of it all fits into `room` bytes: shares for all that is no finding, all the rest for findings."""
    told = {
        "notes": _fitting(notes, _noted, int(room * _NOTES_SHARE), "more answers"),
        "past": _fitting(past, _noted, int(room * _PAST_SHARE), "more"),
        "alerts": _fitting(alerts, alert_line, int(room * _ALERTS_SHARE), "more alerts"),
        "gaps": _fitting(evidence.gaps, gap_line, int(room * _GAPS_SHARE), "more gaps"),
        "healthy": _fitting(evidence.healthy, healthy_line, int(room * _HEALTHY_SHARE), "more"),
    }
    left = room - sum(_size(line) + 1 for lines in told.values() for line in lines)
    first = sorted(evidence.findings, key=lambda item: not item.asked)
    return {**told, "findings": _fitting(first, finding_block, left, "weaker findings left out")}


def _noted(text: str) -> str:
    """Words of others, in one line that cannot close the fence."""
    return f"- {datum(text, 2_500)}"


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
