"""Names that a model should not learn: it is told others in their place, and its answer is turned back."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from aiops_processor.llm.prompt import Prompt
from aiops_processor.llm.reading.shapes import Draft
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import EvidenceReport

SHORTEST = 2
CUT = "…"
_WORD_BEGINS = re.compile(r"(?<![A-Za-z0-9_])[A-Za-z0-9_]")
_STEMS = ("name", "alias", "pseudonym")


class Pseudonyms:
    """`name-1`, `name-2`, … for the values of some labels. The same names get the same pseudonyms in one analysis."""

    def __init__(self, labels: Sequence[str], alerts: Sequence[Alert], evidence: EvidenceReport) -> None:
        found = dict.fromkeys(value for value in _values(labels, alerts, evidence) if len(value) >= SHORTEST)
        texts = " ".join((*found, *(item.statement for item in evidence.findings)))
        stem = next((each for each in _STEMS if f"{each}-" not in texts), "hidden-name")
        self._hidden = {name: f"{stem}-{place}" for place, name in enumerate(found, 1)}
        self._shown = {alias: name for name, alias in self._hidden.items()}

    def hide(self, prompt: Prompt) -> Prompt:
        """The prompt without those names, wherever they stand in it, and without the beginning of one that was cut."""
        return Prompt(*(_without_beginnings(_replaced(text, self._hidden), self._hidden) for text in prompt))

    def show(self, draft: Draft) -> Draft:
        """The draft with the real names."""
        return Draft.model_validate(self._value(draft.model_dump(mode="json"))) if self._shown else draft

    def reveal(self, text: str) -> str:
        """A text of the model with the real names."""
        return _replaced(text, self._shown)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return _replaced(value, self._shown)
        if isinstance(value, dict):
            return {key: self._value(item) for key, item in value.items()}
        return [self._value(item) for item in value] if isinstance(value, list) else value


def _values(labels: Sequence[str], alerts: Sequence[Alert], evidence: EvidenceReport) -> Iterable[str]:
    for item in evidence.findings:
        if labels:
            yield item.entity
        yield from (item.labels[label] for label in labels if label in item.labels)
    for alert in alerts:
        yield from (alert.labels[label] for label in labels if label in alert.labels)
    if labels:
        yield from (text.partition(":")[0] for text in evidence.healthy if ":" in text)


def _replaced(text: str, names: dict[str, str]) -> str:
    """Longest first. A name within a longer one (`checkout` in `checkout-7f9c`) is a name, too."""
    if not names:
        return text
    known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    folded = {name.casefold(): other for name, other in names.items()}
    pattern = re.compile(rf"(?<![A-Za-z0-9_])(?:{known})(?![A-Za-z0-9_])", re.IGNORECASE)
    # casefold, for IGNORECASE takes `ſ` for `s`, too.
    return pattern.sub(lambda found: folded.get(found[0].casefold(), found[0]), text)


def _without_beginnings(text: str, names: Iterable[str]) -> str:
    """The text without what is left of a name before the mark "…" of a cut."""
    folded = tuple(name.casefold() for name in names)
    *cut, rest = text.split(CUT)
    return CUT.join((*(_shortened(piece, folded) for piece in cut), rest))


def _shortened(piece: str, names: Sequence[str]) -> str:
    tail = max((len(name) for name in names), default=0)
    for found in _WORD_BEGINS.finditer(piece, max(0, len(piece) - tail)):
        if any(name.startswith(piece[found.start() :].casefold()) for name in names):
            return piece[: found.start()]
    return piece
