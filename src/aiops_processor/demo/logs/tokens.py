"""LogQL text to tokens, and the errors that Loki's parser reports about them."""

import json
import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"""
      (?P<space>\s+|\#[^\n]*)
    | (?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)
    | (?P<range>\[[^\]]*\])
    | (?P<duration>(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d|w|y))+\b)
    | (?P<bytes>\d+(?:\.\d+)?(?:[kKMGTP]i?)?B\b)
    | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<operator>\|=|\|~|\|>|!=|!~|!>|=~|==|>=|<=|--[a-z-]+|[|{}()=<>,+\-*/%^!])
    """,
    re.VERBOSE,
)
NAMES = {"string": "STRING", "range": "RANGE", "duration": "DURATION", "bytes": "BYTES", "number": "NUMBER"}
STAGES = {"json", "logfmt", "pattern", "regexp", "unpack", "unwrap", "line_format", "label_format", "drop", "keep"}
KEYWORDS = STAGES | {"decolorize", "by", "without", "on", "ignoring", "and", "or", "unless", "ip", "bool", "offset"}


class LogQLError(Exception):
    """A query that Loki refuses with 400; the text is the whole body of the answer."""


def syntax_error(token: "Token", expecting: str = "") -> LogQLError:
    """`unexpected …`, at the token's line and column, as Loki writes it."""
    expected = f", expecting {expecting}" if expecting else ""
    where = f"at line {token.line}, col {token.column}" if token.column else ""
    return LogQLError(f"parse error {where}: syntax error: unexpected {token.name}{expected}")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a query. `kind` is `word`, `string`, …, or `end`; `start` and `stop` its place in the text."""

    kind: str
    text: str
    start: int
    stop: int
    line: int
    column: int

    @property
    def name(self) -> str:
        """What Loki calls it in its errors."""
        if self.kind == "end":
            return "$end"
        if self.kind == "word" and self.text not in KEYWORDS:
            return "IDENTIFIER"
        return NAMES.get(self.kind, self.text)


def tokens(query: str) -> list[Token]:
    """The tokens of a query, the last one of kind `end`. Raises LogQLError."""
    found: list[Token] = []
    position = 0
    while position < len(query):
        match = TOKEN.match(query, position)
        if match is None:
            raise LogQLError(f"parse error at {_spoken(query, position)}: syntax error: unexpected {query[position]!r}")
        if match.lastgroup != "space":
            found.append(_token(query, match.lastgroup or "", match.start(), match.end()))
        position = match.end()
    line, column = _place(query, len(query))
    return [*found, Token("end", "", len(query), len(query), line, column if found else 0)]


def _token(query: str, kind: str, start: int, stop: int) -> Token:
    line, column = _place(query, start)
    return Token(kind, query[start:stop], start, stop, line, column)


def _place(query: str, position: int) -> tuple[int, int]:
    return query.count("\n", 0, position) + 1, position - query.rfind("\n", 0, position)


def _spoken(query: str, position: int) -> str:
    line, column = _place(query, position)
    return f"line {line}, col {column}"


def unquoted(token: Token) -> str:
    """The text of a string token. Raises LogQLError for an escape that Go does not know."""
    if token.text.startswith("`"):
        return token.text[1:-1]
    try:
        return str(json.loads(re.sub(r"\\x([0-9A-Fa-f]{2})", r"\\u00\1", token.text), strict=False))
    except ValueError:
        raise LogQLError(f"parse error at line {token.line}, col {token.column}: invalid syntax") from None
