"""The start of a line in columns, each with what it looks like. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from aiops_processor.evidence.mining.levels import LETTERS, level_of
from aiops_processor.evidence.mining.moments import DATE, TIME

BRACKETED = r"(?:\[(?:[^\[\]]|\[[^\[\]]*\])*\]|\((?:[^()]|\([^()]*\))*\)|<[^<>]*>)"
LONGEST = 400
"""Headers are shorter than this; what follows is not looked at."""


class Look(Enum):
    """What a column looks like."""

    TIME = "time"
    LEVEL = "level"
    LETTER = "one-letter level"
    NUMBER = "number"
    BRACKET = "bracket"
    MARK = "mark"
    PROCESS = "process"
    """`name[123]:`, a syslog tag with its process."""
    TAG = "tag"
    """`name:`"""
    NAME = "name"
    """A qualified name: `a.b.C`, `A$B`, `A::b`, `File.java#12`."""
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its look, its text, where it ends, and how many spaces follow."""

    look: Look
    text: str
    end: int
    gap: int


_COLUMN = re.compile(
    rf"(?P<level>[A-Z]{{3,11}}:[\w.]{{1,60}}:(?=\S))"
    rf"|(?P<letter>[IWEF](?=\d{{4}}\s\d\d:\d\d:\d\d))"
    rf"|(?P<time>(?:{TIME}|{DATE})(?![\w-]))|(?P<bracket>{BRACKETED}:?(?=\s|$|[|,\[-]))"
    r"|(?P<bar>[|,])|[^\s|]+"
)
_SPACE = re.compile(r"\s*")
_IN_BRACKETS = re.compile(rf"[\[(<]\s*(?:(?P<time>[^\]\[]{{0,12}}{TIME}[^\]\[]{{0,12}})|(?P<word>\w+))\s*[\])>]:?")
_EPOCH = re.compile(r"1\d{9}(?:\.\d{1,9}|\d{3}|\d{6}|\d{9})?")
_STAMP = re.compile(r"(?=(?:\D{0,3}\d){8})\d+(?:[-/.:,_T]\d+){2,}Z?")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?")
_NUMBER = re.compile(r"[-+#*]?\d+(?:[.,:]\d+)*,?|0x[0-9a-fA-F]+|\d[0-9a-fA-F]{5,}")
_PROCESS = re.compile(r"[^\s:\[\]]+\[\d+\]:")
_NAME = re.compile(r"[A-Za-z_][\w-]*(?:(?:\.|\$|::|#|@|/)[\w-]+)+(?:[:#]\d+)?[:,\]]?")
_TAG = re.compile(r".*[:\]]")


def columns(line: str, most: int) -> Iterator[Column]:
    """The first columns of the line, at most so many."""
    text = line[:LONGEST]
    at = _space(text, 0)
    for _ in range(most):
        match = _COLUMN.match(text, at)
        if match is None:
            return
        at = _space(text, match.end())
        look = _look(match)
        if match.start() == 0 and look is Look.LEVEL and match.group().isalpha() and not match.group().isupper():
            look = Look.WORD  # "Error opening file" is a sentence
        yield Column(look, match.group(), match.end(), at - match.end())


def _space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _look(match: re.Match[str]) -> Look:
    text = match.group()
    if match.lastgroup == "time":
        return Look.TIME
    if match.lastgroup == "letter" or (match.lastgroup == "level" and level_of(text.partition(":")[0])):
        return Look.LETTER if match.lastgroup == "letter" else Look.LEVEL
    if match.lastgroup == "bracket":
        return _look_of_bracket(text)
    if not any(char.isalnum() for char in text):
        return Look.MARK
    return _look_of_word(text)


def _look_of_bracket(text: str) -> Look:
    inside = _IN_BRACKETS.fullmatch(text)
    if inside and inside["time"]:
        return Look.TIME
    return Look.LEVEL if inside and level_of(inside["word"]) else Look.BRACKET


def _look_of_word(text: str) -> Look:
    if level_of(text.strip(":,")):
        return Look.LEVEL
    if text.strip(":,/") in LETTERS:
        return Look.LETTER
    if _EPOCH.fullmatch(text) or (_STAMP.fullmatch(text) and not _ADDRESS.fullmatch(text)):
        return Look.TIME
    formed = ((_NUMBER, Look.NUMBER), (_PROCESS, Look.PROCESS), (_NAME, Look.NAME), (_TAG, Look.TAG))
    return next((look for form, look in formed if form.fullmatch(text)), Look.WORD)
