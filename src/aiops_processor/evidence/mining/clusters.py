"""Kinds of lines to templates: which words of otherwise equal lines are values? Pure.

Lines of equal length are split on the column with the fewest words until the columns that still differ may be values
(as IPLoM and Brain do, Makanju 2009, Yu 2023). What a split on a value tore apart is merged again: templates that
differ in one column, if that column may be a value. Only *distinct* kinds count, so that neither the order nor the
number of lines matters.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiops_processor.evidence.mining.index import ANY, Index, Kind
from aiops_processor.evidence.mining.words import has_meaning, is_masked

_NAMING = ("=", '"', "'")


@dataclass(frozen=True)
class Judgement:
    """When words that differ are values. See docs/decisions/0005-log-mining.md."""

    words: int = 6
    """So many different words in one place are values, not different messages."""
    named: int = 4
    """The same for a place that is marked as a value's, as in `user=root` and `open "notes"`."""
    recurring: int = 3
    """The same for words that recur behind the same word in other messages, as names do behind `user`."""
    context: int = 3
    """So many words must stay the same for each place that differs."""


@dataclass(frozen=True)
class Cluster:
    """One template and the kinds that it stands for."""

    template: Kind
    kinds: tuple[Kind, ...]


def cluster(kinds: Iterable[Kind], judgement: Judgement) -> list[Cluster]:
    """The templates of these kinds; each kind is in exactly one. The same for any order of the kinds."""
    different = sorted(set(kinds))
    judge = _Judge(different, judgement)
    by_length: dict[int, list[Kind]] = defaultdict(list)
    for kind in different:
        by_length[len(kind)].append(kind)
    return [found for group in by_length.values() for found in _absorbed(_merged(_split(group, judge), judge))]


def _split(group: list[Kind], judge: "_Judge") -> list[Cluster]:
    """Top-down: split on words until what differs may be values."""
    pending = [group]
    done: list[Cluster] = []
    while pending:
        kinds = pending.pop()
        columns = [set(column) for column in zip(*kinds, strict=True)]
        if len(kinds) == 1 or judge.are_values(columns, kinds[0]):
            done.append(_cluster(kinds, columns))
            continue
        at = min(
            (at for at, column in enumerate(columns) if len(column) > 1 and not all(map(is_masked, column))),
            key=lambda at: (len(columns[at]), at),
        )
        parts: dict[str, list[Kind]] = defaultdict(list)
        for kind in kinds:
            parts[ANY if is_masked(kind[at]) else kind[at]].append(kind)
        pending.extend(parts.values())
    return done


def _merged(parts: list[Cluster], judge: "_Judge") -> list[Cluster]:
    """Bottom-up: templates that differ in one column become one where its words may be values."""
    again = True
    while again:
        again = False
        for at in range(len(parts[0].template)):
            found = _merged_at(parts, at, judge)
            again |= len(found) < len(parts)
            parts = found
    return parts


def _merged_at(parts: list[Cluster], at: int, judge: "_Judge") -> list[Cluster]:
    alike: dict[tuple[Kind, Kind], list[Cluster]] = defaultdict(list)
    for part in parts:
        alike[part.template[:at], part.template[at + 1 :]].append(part)
    found: list[Cluster] = []
    for group in alike.values():
        joined = _joined(group, judge) if len(group) > 1 else None
        found.extend([joined] if joined else group)
    return found


def _joined(group: Sequence[Cluster], judge: "_Judge") -> Cluster | None:
    kinds = [kind for part in group for kind in part.kinds]
    columns = [set(column) for column in zip(*kinds, strict=True)]
    return _cluster(kinds, columns) if judge.are_values(columns, kinds[0]) else None


def _absorbed(parts: list[Cluster]) -> list[Cluster]:
    """A template that a more general one fits belongs to it, to the least general one."""
    index = Index(part.template for part in parts if ANY in part.template)
    gained: dict[Kind, list[Kind]] = {part.template: list(part.kinds) for part in parts}
    for part in sorted(parts, key=lambda part: part.template.count(ANY)):
        wider = index.general(part.template, more_than=part.template.count(ANY))
        if wider is not None:
            gained[wider] += gained.pop(part.template)
    return [Cluster(template, tuple(kinds)) for template, kinds in gained.items()]


def _cluster(kinds: Sequence[Kind], columns: Sequence[set[str]]) -> Cluster:
    return Cluster(tuple(ANY if len(column) > 1 else next(iter(column)) for column in columns), tuple(kinds))


class _Judge:
    """Says whether words that differ are values: by how many there are, and by where else they stand."""

    def __init__(self, kinds: Sequence[Kind], judgement: Judgement) -> None:
        self._judgement = judgement
        self._recurring = _recurring(kinds)

    def are_values(self, columns: Sequence[set[str]], example: Kind) -> bool:
        """Whether in every column that differs the words may be values, and enough stays the same around them."""
        constant = values = 0
        for at, column in enumerate(columns):
            if len(column) == 1:
                constant += has_meaning(example[at])
                continue
            words = [word for word in column if not is_masked(word)]
            if not words:
                continue
            before = example[at - 1] if at and len(columns[at - 1]) == 1 else ""
            if not all(map(has_meaning, words)) or not (len(words) < len(column) or self._are_many(words, before)):
                return False
            values += 1
        return constant >= self._judgement.context * values

    def _are_many(self, words: Sequence[str], before: str) -> bool:
        if len(words) >= (self._judgement.named if before in _NAMING else self._judgement.words):
            return True
        return sum((before, word) in self._recurring for word in words) >= self._judgement.recurring


def _recurring(kinds: Sequence[Kind]) -> set[tuple[str, str]]:
    """Words with the word before them, of those pairs that stand in more than one message."""
    seen: dict[tuple[str, str], tuple[int, str, str]] = {}
    found: set[tuple[str, str]] = set()
    for kind in kinds:
        for at in range(1, len(kind)):
            pair = kind[at - 1], kind[at]
            around = len(kind), kind[at - 2] if at > 1 else "", kind[at + 1] if at + 1 < len(kind) else ""
            if seen.setdefault(pair, around) != around:
                found.add(pair)
    return {pair for pair in found if all(map(has_meaning, pair))}
