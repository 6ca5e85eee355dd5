"""JSON objects out of a text that holds them whole, cut, or written by a different book.

Each reading is stricter than the one after it: what is in order as it stands is never mended.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

MOST_ATTEMPTS = 300
MOST_MENDINGS = 20
MOST_DEPTH = 5
MOST_RESPELT = 20_000

_STRING = r'"(?:[^"\\]|\\.)*"'
_STRUCTURE = re.compile(rf'{_STRING}|[{{}}\[\],"]', re.DOTALL)
_TRAILING_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_CLOSERS = {"{": "}", "[": "]"}

_CURLY_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'"})
# Bounded: of a quote that is never closed, every start would else be followed to the end.
_SHORT = r'"(?:[^"\\]|\\.){0,2000}"'
_COMMENT = re.compile(rf"({_SHORT})|/\*.{{0,2000}}?\*/|(?<![:\w])//[^\n]*|(?m:^\s*\#[^\n]*)", re.DOTALL)
_SINGLE_QUOTED = re.compile(
    rf"({_SHORT})|(?<=[\s{{\[,:])'((?:[^'\\\n]|\\.|'(?!\s*[,:}}\]])){{0,2000}})'(?=\s*[,:}}\]])", re.DOTALL
)
_BARE = re.compile(rf"({_SHORT})|(?<=[{{,\s])([A-Za-z_]\w*)(?=\s*:)|\b(None|True|False)\b", re.DOTALL)
_CONSTANTS = {"None": "null", "True": "true", "False": "false"}


def objects(text: str) -> Iterator[Iterator[dict[str, Any]]]:
    """The objects of a text by each reading in turn, strictest first; within one, outermost first."""
    yield _whole(text)
    yield (inner for outer in _whole(text) for inner in _inside(outer, 0))
    yield _mended(text)
    yield _mended(_unescaped(text))
    yield _mended(_respelt(text))


def _whole(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object that is in order as it stands."""
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


def _inside(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    """The objects in an object, those that are written as a text too: `{"arguments": "{\\"summary\\": …}"}`."""
    if depth > MOST_DEPTH:
        return
    if isinstance(value, str):
        parts: Iterable[Any] = _whole(value) if value.lstrip().startswith("{") else ()
    else:
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        if isinstance(part, dict):
            yield part
        yield from _inside(part, depth + 1)


def _mended(text: str) -> Iterator[dict[str, Any]]:
    """What parses once commas, escapes and a missing end are mended. A value that was cut is left out, not guessed."""
    for start in islice(re.finditer(r"\{", text), MOST_MENDINGS):
        whole = _TRAILING_COMMA.sub(lambda found: found[1] or "", _closed(text[start.start() :]))
        escaped = _ESCAPE.sub(lambda found: found[0] if found[1] in '"\\/bfnrtu' else f"\\{found[0]}", whole)
        try:
            found = json.loads(escaped, strict=False)
        except ValueError:
            continue
        yield found


def _unescaped(text: str) -> str:
    r"""JSON that was written as a string, without or within quotes: `{\"summary\": …}`."""
    return text.replace('\\"', '"') if re.search(r'\{\s*(?:\\n)?\s*\\"', text) else ""


def _respelt(text: str) -> str:
    """JavaScript's and Python's ways to write an object, turned into JSON's: comments, quotes, bare keys, constants."""
    plain = _COMMENT.sub(lambda found: found[1] or " ", text[:MOST_RESPELT].translate(_CURLY_QUOTES))
    quoted = _SINGLE_QUOTED.sub(lambda found: found[1] or _quoted(found[2]), plain)
    return _BARE.sub(lambda found: found[1] or _CONSTANTS.get(found[3] or "", f'"{found[2]}"'), quoted)


def _quoted(text: str) -> str:
    return json.dumps(text.replace("\\'", "'"), ensure_ascii=False)


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
