"""Alertmanager's matchers: `severity=~"critical|page"`, as its routes, silences and our own sources are chosen by.

Both syntaxes of Alertmanager 0.27 and later are read, as its own fallback mode does: the UTF-8 one, and the classic
one where the first does not parse or means something else. Sources: https://prometheus.io/docs/alerting/latest/configuration/#matcher,
prometheus/alertmanager `matcher/compat`, `matcher/parse` and `pkg/labels`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

from pydantic_core import SchemaError, SchemaValidator, core_schema

from aiops_processor.errors import QueryError

Operator = Literal["=", "!=", "=~", "!~"]

_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\{)|(?P<close>\})|(?P<comma>,)|(?P<operator>=~|!~|!=|=)
    |(?P<quoted>"(?:\\.|[^"\\\n])*")|(?P<word>[^\s{}!=~,\\"'`]+)|(?P<end>\Z))""",
    re.VERBOSE,
)
_CLASSIC = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*", re.DOTALL)
_CLASSIC_PART = re.compile(r'(?:"(?:\\.|[^"\\])*"?|\\.|[^,"\\]|\\)*', re.DOTALL)
_CLASSIC_VALUE = re.compile(r'(?:\\.|[^"\\]|\\\Z)*', re.DOTALL)
_GO_ESCAPE = re.compile(r'\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))')
_GO_LETTERS = {"a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v"}


@dataclass(frozen=True)
class Matcher:
    """One condition on a label; a label that an alert does not have counts as "".

    Regular expressions must match the whole value. Their syntax is that of Rust's `regex`, which is RE2's but for
    corners (no `\\Q…\\E`, a literal `{` needs its backslash); a match takes time linear in the value, so that no
    alert can stall us. Raises QueryError for a regular expression that is none.
    """

    name: str
    operator: Operator
    value: str

    def __post_init__(self) -> None:
        if not self.name:
            raise QueryError("a matcher needs a label name")
        if self.operator in ("=~", "!~"):
            _regex(self.value)

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels is meant."""
        found = labels.get(self.name, "")
        same = found == self.value if self.operator in ("=", "!=") else _regex(self.value).isinstance_python(found)
        return same is (self.operator in ("=", "=~"))

    def __str__(self) -> str:
        """The matcher in a form that both syntaxes read, but for names that only the newer one knows."""
        name = self.name if re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", self.name) else _quoted(self.name)
        return f"{name}{self.operator}{_quoted(self.value)}"


def parse(text: str) -> tuple[Matcher, ...]:
    """The matchers of `{a="b", c!~"d|e"}`; the braces may be missing. Raises QueryError for what is none."""
    try:
        newer = _parsed_as_utf8(text)
    except QueryError as error:
        return _parsed_as_classic(text, error)
    try:
        classic = _parsed_as_classic(text, None)
    except QueryError:
        return newer
    return classic  # where the two differ, Alertmanager takes this one


def parse_all(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """The matchers of a list as configurations have it. Raises QueryError."""
    return tuple(matcher for text in texts for matcher in parse(text))


def fit(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether all of them fit."""
    return all(matcher.fits(labels) for matcher in matchers)


@lru_cache(maxsize=1024)
def _regex(pattern: str) -> SchemaValidator:
    """The pattern, anchored, in the regular expressions that pydantic brings: they do not backtrack."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=rf"\A(?:{pattern})\z", regex_engine="rust-regex"))
    except SchemaError as error:
        reason = str(error).strip().splitlines()[-1].removeprefix("error: ").strip()
        raise QueryError(f"{pattern!r} is no regular expression: {reason}") from None


def _parsed_as_utf8(text: str) -> tuple[Matcher, ...]:
    tokens = list(_tokens(text))
    braced = tokens[0][0] == "open"
    if braced and tokens[-2][0] != "close":
        raise QueryError(f"{text!r}: expected a closing brace")
    inner = tokens[1:-2] if braced else tokens[:-1]
    found = []
    while inner:
        found.append(_matcher(text, inner[:3]))
        if len(inner) > 3 and inner[3][0] != "comma":
            raise QueryError(f"{text!r}: expected a comma before {inner[3][1]!r}")
        inner = inner[4:]
    return tuple(found)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, kind = 0, ""
    while kind != "end":
        token = _TOKEN.match(text, at)
        if token is None:
            raise QueryError(f"{text!r}: unexpected {text[at:].lstrip()[:1]!r}")
        kind, at = cast("str", token.lastgroup), token.end()
        yield kind, token.group(kind)


def _matcher(text: str, tokens: list[tuple[str, str]]) -> Matcher:
    match tokens:
        case [("word" | "quoted", name), ("operator", operator), ("word" | "quoted", value)]:
            return Matcher(_unquoted(name), cast("Operator", operator), _unquoted(value))
    raise QueryError(f'{text!r}: expected a label, one of = != =~ !~ and a value, such as severity="critical"')


def _unquoted(token: str) -> str:
    """What a token means: Go's `strconv.Unquote` for a quoted one."""
    if not token.startswith('"'):
        return token
    content, at, out = token[1:-1], 0, b""
    for escape in _GO_ESCAPE.finditer(content):
        out += content[at : escape.start()].encode() + _escaped(escape)
        at = escape.end()
    try:
        return (out + content[at:].encode()).decode()
    except UnicodeDecodeError:
        raise QueryError(f"{token} is not UTF-8") from None


def _escaped(escape: re.Match[str]) -> bytes:
    letter, byte, octal, short, long, unknown = escape.groups()
    if unknown is not None:
        raise QueryError(f"{escape.group()} is no escape")
    if letter:
        return _GO_LETTERS.get(letter, letter.encode())
    if byte or octal:
        return (int(byte, 16) if byte else int(octal, 8) & 0xFF).to_bytes(1, "big")
    try:
        return chr(int(short or long, 16)).encode()
    except (ValueError, OverflowError, UnicodeEncodeError):
        raise QueryError(f"{escape.group()} is no character") from None


def _parsed_as_classic(text: str, newer: QueryError | None) -> tuple[Matcher, ...]:
    """`newer` is why the other syntax did not take it: that is what people read, for it is the syntax to write in."""
    inner = text.removeprefix("{").removesuffix("}")
    parts = _classic_parts(inner)
    found = []
    for part in parts:
        whole = _CLASSIC.fullmatch(part)
        value = _classic_value(whole.group(3)) if whole else None
        if whole is None or value is None:
            raise newer or QueryError(f"{part!r} is no matcher")
        found.append(Matcher(whole.group(1), cast("Operator", whole.group(2)), value))
    return tuple(found)


def _classic_parts(inner: str) -> list[str]:
    """Between commas outside of quotes; only what follows the last comma may be empty."""
    parts: list[str] = []
    at = 0
    while part := _CLASSIC_PART.match(inner, at):
        parts.append(part.group())
        at = part.end() + 1
        if at > len(inner):
            break
    return parts if parts[-1].strip() else parts[:-1]


def _classic_value(raw: str) -> str | None:
    """The value with its escapes read; None where a quote stands inside it or its partner is missing."""
    if raw.startswith('"'):
        if len(raw) < 2 or not raw.endswith('"') or not _CLASSIC_VALUE.fullmatch(raw[1:-1]):
            return None
        raw = raw[1:-1]
        if (len(raw) - len(raw.rstrip("\\"))) % 2:  # the last quote is an escaped one
            return None
    elif not _CLASSIC_VALUE.fullmatch(raw):
        return None
    return re.sub(r'\\(["\\n])', lambda found: "\n" if found.group(1) == "n" else found.group(1), raw)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
