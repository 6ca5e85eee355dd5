"""Lines of one source to templates: streaming, in bounded memory, without configuration. Pure.

The header is learned from the first lines. A line's digits are put aside, and what is left is looked up, then its
ids: most lines are known by then. The others are taken apart into words; each sequence of words is a *kind* with a
number. Templates are made of the kinds when they are asked for, so that they depend on all lines, not on their order.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from aiops_processor.evidence.mining import fields, header, multiline
from aiops_processor.evidence.mining.clusters import Judgement, cluster
from aiops_processor.evidence.mining.header import Header
from aiops_processor.evidence.mining.index import Index, Kind
from aiops_processor.evidence.mining.levels import level_in, level_of
from aiops_processor.evidence.mining.wording import shown
from aiops_processor.evidence.mining.words import words_of

_DIGITS = re.compile(r"[0-9]+")
_IDS = re.compile(
    r"(?<![A-Za-z0-9])(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|0[xX][0-9a-fA-F]+"
    r"|(?=[a-fA-F]{0,8}[0-9])[0-9a-fA-F]{6,}(?![A-Za-z]))|[0-9]+"
)
OTHER = ("(another", "kind", "of", "line)")
"""The kind of what came after the bound was reached and fits no template."""


@dataclass(frozen=True)
class Bounds:
    """What one miner may hold and look at."""

    learning: int = 1_000
    """Lines that are held back until the headers are known."""
    examples: int = 100
    """Different ones of them, from which the headers are learned."""
    kinds: int = 5_000
    """Different kinds of lines. Beyond it the templates are closed: a new kind gets the template that it fits."""
    known: int = 10_000
    """Lines without their digits that are looked up; when there are more, all are forgotten and learned again."""
    characters: int = 2_000
    """Of a longer message only the head is looked at."""
    words: int = 60
    """Of a message with more words only the first ones count."""


class Read(NamedTuple):
    """One line as it was read: the number of its kind, its level, and whether it goes on with the line before it."""

    kind: int
    level: str
    continues: bool = False


class Miner:
    """The kinds and templates of one source's lines."""

    def __init__(self, bounds: Bounds | None = None, judgement: Judgement | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._judgement = judgement or Judgement()
        self._headers: tuple[Header, ...] = ()
        self._headed = False
        self._known: dict[str, tuple[int, str]] = {}
        self._kinds: dict[Kind, int] = {}
        self._closed: tuple[Index, dict[Kind, int]] | None = None

    def read(self, lines: Iterable[str]) -> Iterator[Read]:
        """Each line in turn, after the first ones were looked at for their header. Give them in order of time."""
        rest = iter(lines)
        first = list(islice(rest, self._bounds.learning))
        self._learn(first)
        last: Read | None = None
        for each in (first, rest):
            for line in each:
                last = self._read(line, last)
                yield last

    def templates(self) -> list[str]:
        """The template of each kind, by its number."""
        found = [""] * len(self._kinds)
        for each in cluster(self._kinds, self._judgement):
            text = shown(each.template)
            for kind in each.kinds:
                found[self._kinds[kind]] = text
        return found

    def _learn(self, lines: Sequence[str]) -> None:
        """Stack traces, which may be most of the lines, say nothing about headers."""
        begin = [line[: self._bounds.characters] for line in lines if not multiline.goes_on(line, within=False)]
        plain = {_DIGITS.sub("0", line): line for line in begin if not line.startswith("{")}
        different = list(plain.values())
        self._headers = header.learn(different[:: max(1, round(len(different) / self._bounds.examples))])
        headed = sum(line.startswith("{") or self._cut(line) is not None for line in begin)
        self._headed = headed > len(begin) / 2

    def _cut(self, line: str) -> tuple[str, str] | None:
        for each in self._headers:
            cut = each.cut(line)
            if cut is not None:
                return cut
        return None

    def _read(self, line: str, last: Read | None) -> Read:
        cut = self._cut(line)
        within = last is not None and last.continues
        continues = cut is None and self._headed and last is not None and multiline.goes_on(line, within)
        message, level = cut or (line, "")
        if found := fields.fields_of(message):
            level = level_of(fields.level_word_of(found)) or level
            message = fields.message_of(found)
        if len(message) > self._bounds.characters:
            message = message[: self._bounds.characters]
        if "\n" in message:
            message = multiline.essence(message)
        kind, named = self._kind(message)
        return Read(kind, level or named, continues)

    def _kind(self, message: str) -> tuple[int, str]:
        """The number of the message's kind, and the level that it names itself."""
        key = _DIGITS.sub("0", message)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= self._bounds.known:
                self._known.clear()
            known = self._known[key] = self._without_ids(message)
        return known

    def _without_ids(self, message: str) -> tuple[int, str]:
        """The same for a message that is not known by its letters: ids have letters, too."""
        key = _IDS.sub("0", message)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._number(words_of(message, self._bounds.words)), level_in(message)
        return known

    def _number(self, kind: Kind) -> int:
        number = self._kinds.get(kind)
        if number is not None:
            return number
        if self._closed is None and len(self._kinds) >= self._bounds.kinds:
            self._close()
        if self._closed is None:
            return self._kinds.setdefault(kind, len(self._kinds))
        index, numbers = self._closed
        return numbers[index.general(kind) or OTHER]

    def _close(self) -> None:
        """No more kinds: what comes now is given to the templates that there are, or to the one kind of all others."""
        found = cluster(self._kinds, self._judgement)
        numbers = {each.template: self._kinds[each.kinds[0]] for each in found}
        numbers[OTHER] = self._kinds.setdefault(OTHER, len(self._kinds))
        self._closed = Index(each.template for each in found), numbers


def mine(lines: Iterable[str]) -> list[str]:
    """The template of each line; what goes on with a line has that line's."""
    miner = Miner()
    kinds: list[int] = []
    for each in miner.read(lines):
        kinds.append(kinds[-1] if each.continues else each.kind)
    templates = miner.templates()
    return [templates[kind] for kind in kinds]
