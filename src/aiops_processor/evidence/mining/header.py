"""Where does the header of a line end? Learned from lines of one program, without configuration. Pure.

A header is what the logging library writes before the message: it has the same columns in every line. Times and
levels are known by their form and anchor it: what stands before the last of them in nearly every line is header. What
follows goes on being header as long as it has a form of its own there in nearly every line (a number, a bracket, a
qualified name, a tag). Words without a form are header only before such a column, and only if what is left says more
than what is cut off.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiops_processor.evidence.mining.columns import BRACKETED, Column, Look, columns
from aiops_processor.evidence.mining.levels import level_of_column
from aiops_processor.evidence.mining.words import has_meaning, is_masked, words_of

NEARLY_ALL = 0.9
"""In so many of the lines a column must look alike to be one of the header's."""
MOST_COLUMNS = 12
MOST_FORMATS = 3
"""Programs that share a stream: so many different headers are learned."""
FEWEST = 0.05
"""A header that fewer of the lines have is not looked for."""
AHEAD = 2
"""So many words without a form are accepted before a column that has one: a host, and a program's name."""

BEGINNING = 80
"""So much of a message tells how it begins."""
BAR = "|"
"""Who separates columns with it does so up to the message."""

_ANCHORS = (Look.TIME, Look.LEVEL, Look.LETTER)
_PARTS = re.compile(r"[0-9]+|[A-Za-z]+|\s+|.")
_FORMED = (Look.NUMBER, Look.BRACKET, Look.MARK, Look.NAME)
_PATTERNS = {
    Look.LEVEL: r"(?:[A-Z]{3,11}:[\w.]{1,60}:|[\[(<]?\s?(?:[\w.]{1,60}:)?[A-Za-z]{3,11}\s?[\])>]?[:,]?)",
    Look.LETTER: r"[VTDIWEF][:,/]?",
    Look.NUMBER: r"(?:[-+#*]?\d[\d.,:]*|0x[0-9a-fA-F]+|\d[0-9a-fA-F]+)",
    Look.BRACKET: rf"{BRACKETED}:?",
    Look.PROCESS: r"[^\s:\[\]]+(?:\[\d+\])?:",
    Look.TAG: r"[^\s:\]]+(?::[^\s:\]]+)*[:\]]",
}


@dataclass(frozen=True)
class Header:
    """One learned header as a pattern for the start of a line; its group `level`, where it has one, is the level."""

    pattern: re.Pattern[str]

    def cut(self, line: str) -> tuple[str, str] | None:
        """The message and the level of a line that has this header."""
        match = self.pattern.match(line)
        if match is None:
            return None
        word = (match["level"] or "") if "level" in self.pattern.groupindex else ""
        return line[match.end() :], level_of_column(word)


Row = tuple[str, tuple[Column, ...]]


def learn(lines: Sequence[str]) -> tuple[Header, ...]:
    """The headers that these lines have, the most common first; none where they have none."""
    rows = [(line, tuple(columns(line, MOST_COLUMNS))) for line in lines]
    fewest = max(1.0, FEWEST * len(rows))
    found: list[Header] = []
    while len(found) < MOST_FORMATS and len(rows) >= fewest:
        header = _header(rows)
        if header is None:
            break
        left = [row for row in rows if header.pattern.match(row[0]) is None]
        if len(rows) - len(left) >= fewest:
            found.append(header)
        if len(left) == len(rows):
            break
        rows = left
    return tuple(found)


def _header(rows: Sequence[Row]) -> Header | None:
    alike = _alike(rows)
    if not alike:
        return None
    anchor = max(at for at in range(MOST_COLUMNS) if _share(alike, at, _ANCHORS) >= NEARLY_ALL)
    if len(alike) < len(rows) / 2 or not _are_spoken(alike, anchor):
        return None
    return Header(re.compile(_pattern(alike, anchor, _end(alike, anchor))))


def _alike(rows: Sequence[Row]) -> list[Row]:
    """The lines whose first anchor stands where it mostly does.

    Only those whose times are written alike where there are enough of the others to be another program's.
    """
    placed = [(place, line) for line in rows if (place := _first_anchor(line[1])) is not None]
    if not placed:
        return []
    at = Counter(place for place, _ in placed).most_common(1)[0][0]
    alike = [line for place, line in placed if place == at]
    forms = [_form(row[at]) for _, row in alike]
    form, count = Counter(forms).most_common(1)[0]
    if count < len(rows) / 2 or len(alike) - count < FEWEST * len(rows):
        return alike
    return [line for line, each in zip(alike, forms, strict=True) if each == form]


def _form(column: Column) -> str:
    return _shape(column.text) if column.look is Look.TIME else column.look.value


def _are_spoken(rows: Sequence[Row], at: int) -> bool:
    """Whether words are left behind this column in most lines: a time at the end of a sentence is no header."""
    return sum(any(map(has_meaning, words_of(_rest(line, row, at)))) for line, row in rows) > len(rows) / 2


def _first_anchor(row: Sequence[Column]) -> int | None:
    return next((at for at, column in enumerate(row) if column.look in (Look.TIME, Look.LEVEL)), None)


def _share(rows: Sequence[Row], at: int, looks: Sequence[Look]) -> float:
    """How many of the lines have one of these looks in this column."""
    return sum(len(row) > at and row[at].look in looks for _, row in rows) / len(rows)


def _end(rows: Sequence[Row], anchor: int) -> int:
    """The last column of the header."""
    at = anchor + 1
    while at < MOST_COLUMNS:
        ahead = _formed_ahead(rows, at)
        if ahead is None:
            break
        at = ahead + 1
        if _share_of(rows, ahead, _is_tag) >= NEARLY_ALL:
            break
    return at - 1


def _formed_ahead(rows: Sequence[Row], at: int) -> int | None:
    """The next column of the header: one with a form, at `at` or behind words that go with it."""
    if _share(rows, at, _FORMED) >= NEARLY_ALL or _share_of(rows, at, _is_strong_tag) >= NEARLY_ALL:
        return at
    if _share_of(rows, at + 1, lambda column: column.text == BAR) >= NEARLY_ALL:
        return at
    for ahead in range(at, min(at + AHEAD + 1, MOST_COLUMNS)):
        formed = _share_of(rows, ahead, _is_tag) >= NEARLY_ALL or _share(rows, ahead, _FORMED) >= NEARLY_ALL
        if formed and all(_is_free(rows, column, ahead) for column in range(at, ahead + 1)):
            return ahead
    return at if _is_free(rows, at, at) and (_is_padded(rows, at) or _is_independent(rows, at)) else None


def _share_of(rows: Sequence[Row], at: int, is_so: Callable[[Column], bool]) -> float:
    return sum(len(row) > at and is_so(row[at]) for _, row in rows) / len(rows)


def _is_tag(column: Column) -> bool:
    return column.look in (Look.TAG, Look.PROCESS) or _is_strong_tag(column)


def _is_strong_tag(column: Column) -> bool:
    """A tag that no sentence has: `name[123]:`, `a.b.C:`, `file.go:12]`."""
    return column.look is Look.PROCESS or (column.look is Look.NAME and column.text.endswith((":", "]")))


def _is_padded(rows: Sequence[Row], at: int) -> bool:
    return _share_of(rows, at, lambda column: column.gap > 1) >= NEARLY_ALL


def _is_free(rows: Sequence[Row], at: int, end: int) -> bool:
    """Whether this column leaves open how the message behind `end` begins, as a sentence's first words do not."""
    following: dict[tuple[str, ...], set[str]] = defaultdict(set)
    told = [(words_of(row[at].text), words_of(_rest(line, row, end))) for line, row in rows if len(row) > end]
    for head, words in told:
        following[head].add(next((word for word in words if is_masked(word) or has_meaning(word)), ""))
    spoken = sum(any(map(has_meaning, words)) for _, words in told)
    free = sum(len(following[head]) > 1 for head, _ in told)
    return spoken >= NEARLY_ALL * len(rows) and free >= len(rows) / 2


def _is_independent(rows: Sequence[Row], at: int) -> bool:
    """Whether the same messages follow different words in this column."""
    heads: dict[tuple[str, ...], set[str]] = defaultdict(set)
    begins = [words_of(_rest(line, row, at))[:2] for line, row in rows if len(row) > at]
    for (_, row), begin in zip((each for each in rows if len(each[1]) > at), begins, strict=True):
        heads[begin].add(row[at].text)
    return sum(len(heads[begin]) > 1 for begin in begins) >= NEARLY_ALL * len(rows)


def _rest(line: str, row: Sequence[Column], at: int) -> str:
    return line[row[at].end : row[at].end + BEGINNING]


def _pattern(rows: Sequence[Row], anchor: int, end: int) -> str:
    """Atomic throughout, so that it takes linear time: what one column took is never given back.

    Columns behind the anchor may be missing: of each line as much is cut off as it has.
    """
    levels = [at for at in range(end + 1) if _share(rows, at, (Look.LEVEL, Look.LETTER)) >= NEARLY_ALL]
    pieces = [_piece(rows, at, at in levels[:1]) for at in range(end + 1)]
    must, may = r"\s*+" + "".join(pieces[: anchor + 1]), pieces[anchor + 1 :]
    return must + "".join(f"(?:{piece}" for piece in may) + ")?+" * len(may)


def _piece(rows: Sequence[Row], at: int, level: bool) -> str:
    seen = Counter(row[at].look for _, row in rows if len(row) > at)
    looks = [look for look, count in seen.most_common() if count >= FEWEST * len(rows)]
    if level:
        looks = [look for look in looks if look in (Look.LEVEL, Look.LETTER)]
    spellings = list(dict.fromkeys(_spelling(look, rows, at) for look in looks))
    return rf"(?>{'(?P<level>' if level else '(?:'}{'|'.join(spellings)}))\s*+"


def _spelling(look: Look, rows: Sequence[Row], at: int) -> str:
    texts = {row[at].text for _, row in rows if len(row) > at and row[at].look is look}
    if look is Look.MARK:
        return "|".join(map(re.escape, sorted(texts, key=lambda mark: (-len(mark), mark))))
    if look is Look.TIME:
        return "|".join(sorted({_shape(text) for text in texts}, key=lambda shape: (-len(shape), shape)))
    return _PATTERNS.get(look, r"[^\s|]+")


def _shape(time: str) -> str:
    """The pattern of times that are written like this one."""
    parts = _PARTS.findall(time)
    kinds = ((str.isdigit, r"\d+"), (str.isalpha, "[A-Za-z]+"), (str.isspace, r"\s+"))
    return "".join(next((spelt for is_kind, spelt in kinds if is_kind(part)), re.escape(part)) for part in parts)
