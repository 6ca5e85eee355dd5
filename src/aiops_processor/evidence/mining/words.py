"""A message as the sequence of its words, with what is a value by its form masked. Pure.

Values by form: times, addresses, paths, ids, numbers with their units. Whether a plain word is one is not decided
here but from the company it keeps (`clusters`).
"""

import re

from aiops_processor.evidence.mining.moments import DATE, TIME

NUMBER = "<n>"
EMPTY = "<>"
"""Stands where a value is left out: `user=`, `()`, `""`."""

_TOKEN = re.compile(
    rf"""(?P<time>(?<![\w.])(?:{TIME}|{DATE}(?!\w)))
    |(?P<path>(?<!\w)[A-Za-z][A-Za-z0-9+.-]{{1,15}}://[^\s"'<>()\[\]{{}},;]+
        |(?<![\w.])/[^\s"'(),;:\[\]{{}}|<>]+
        |(?<!\w)[A-Za-z]:\\[^\s"',;]*)
    |(?P<number>[0-9a-fA-F]{{8}}-(?:[0-9a-fA-F]{{4}}-){{3}}[0-9a-fA-F]{{12}}
        |(?<![\w.])/?\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?:[:/]\d{{1,5}})?(?![\w.-]))
    |(?P<quoted>(?<!\w)"[A-Za-z][A-Za-z,._\x20-]{{0,79}}"(?!\w)|(?<!\w)'[A-Za-z][A-Za-z,._\x20-]{{0,79}}'(?!\w))
    |(?P<word>[\w.$\#@~+*%&!?/\\^`-]+)
    |(?P<mark>\S)""",
    re.VERBOSE,
)
_QUANTITY = re.compile(r"[-+]?[#$]?\d[\d.,_]*(?:[eE][-+]?\d+)?(?:[a-zA-Zµ]{1,3}|%)?(?:/s)?[.!?]*")
_HEXADECIMAL = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|(?=[a-fA-F]*\d)[0-9a-fA-F]{6,}|[0-9a-fA-F]{8,})[.!?]*")
_INSIDE = re.compile(r"0[xX][0-9a-fA-F]+|(?<![A-Za-z])(?=[a-fA-F]*\d)[0-9a-fA-F]{6,}(?![A-Za-z])|[-+]?\d+(?:\.\d+)*")
_MEANING = re.compile(r"[^\W\d_]{2}")
_CLOSING = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'"}
_MASKS = {"time": "<time>", "path": "<path>", "number": NUMBER}
_UNITS = frozenset(
    ("B", "b", "byte", "bytes", "kB", "KB", "K", "KiB", "MB", "M", "MiB", "GB", "G", "GiB", "TB", "TiB", "PB", "%",
     "ns", "us", "µs", "ms", "msec", "s", "sec", "secs", "second", "seconds", "m", "min", "mins", "minute", "minutes",
     "h", "hr", "hour", "hours", "d", "day", "days", "Hz", "kHz", "MHz", "GHz")
)  # fmt: skip


def words_of(message: str, most: int = 60) -> tuple[str, ...]:
    """The first words and marks of a message, about `most` of them.

    Values by form are masked; lists of values and quotations are one word.
    """
    found: list[str] = []
    before, tight = 0, False
    for match in _TOKEN.finditer(message):
        if len(found) >= most:
            break
        kind, start = match.lastgroup or "", match.start()
        text = match.group()
        word = _word(text) if kind == "word" else _MASKS.get(kind, text)
        last = found[-1] if found else ""
        if _left_out(last, word, start > before, tight):
            found.append(EMPTY)
        tight = word == "=" and start == before
        before = match.end()
        if kind == "quoted":
            found += text[0], text[1:-1], text[-1]
        elif not _repeats(found, word):
            found.append(word)
    return (*found, EMPTY) if found and found[-1] == "=" else tuple(found)


def is_masked(word: str) -> bool:
    """Whether the word is a value by its form, wholly or in part."""
    return len(word) > 1 and "<" in word


def has_meaning(word: str) -> bool:
    """Whether it is a word proper: not a mark, not masked."""
    return "<" not in word and _MEANING.search(word) is not None


def _left_out(last: str, word: str, gap: bool, tight: bool) -> bool:
    return (last == "=" and gap and tight) or (not gap and word == _CLOSING.get(last))


def _repeats(found: list[str], word: str) -> bool:
    """Whether the word only goes on with a value: its unit, the next one of a list."""
    if not found:
        return False
    last = found[-1]
    if last == NUMBER and word.rstrip(".!") in _UNITS:
        return True
    if not is_masked(word):
        return False
    if last == "," and len(found) > 1 and found[-2] == word:
        found.pop()
        return True
    return last == word


def _word(text: str) -> str:
    if _QUANTITY.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return NUMBER
    return text if text.isalpha() else _INSIDE.sub(NUMBER, text)
