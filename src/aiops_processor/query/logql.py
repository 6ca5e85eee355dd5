"""LogQL texts, built so that no value can change the query. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aiops_processor.errors import QueryError
from aiops_processor.query.literal import is_label_name, quote

__all__ = ["check_lines", "contains_any", "count_over_time", "parse_lines", "quote", "re2_escape", "selector"]

_META = re.compile(r"[\\.+*?()|\[\]{}^$]")
_STRING = r'"(?:[^"\\]|\\.)*"|`[^`]*`'
_MATCHER = re.compile(rf"\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*({_STRING})\s*")
_FILTER = re.compile(rf"\s*(\|=|!=|\|~|!~)\s*({_STRING})")


class LineQuery(NamedTuple):
    """A log query: (label, operator, value) of its selector, and (operator, text) of its line filters."""

    matchers: tuple[tuple[str, str, str], ...]
    filters: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The query, every value escaped by us."""
        inside = ", ".join(f"{name}{op}{quote(value)}" for name, op, value in self.matchers)
        return " ".join((f"{{{inside}}}", *(f"{op} {quote(value)}" for op, value in self.filters)))


def parse_lines(text: str) -> LineQuery:
    """A selector and line filters, such as `{app="checkout"} |= "timeout"`. Raises QueryError for anything else.

    No parsers, formats or metric queries: what is read is what the store holds, at no more than the price of reading.
    Source: https://grafana.com/docs/loki/latest/query/log_queries/
    """
    body = text.strip()
    matchers, place = _parsed_selector(body)
    if not any(op == "=" and value for _, op, value in matchers):
        raise QueryError("a LogQL selector needs a label with an exact value")
    filters: list[tuple[str, str]] = []
    while found := _FILTER.match(body, place):
        filters.append((found[1], _unquoted(found[2])))
        place = found.end()
    if body[place:].strip():
        raise QueryError(f"only a selector and line filters are allowed, not {body[place:].strip()[:60]!r}")
    return LineQuery(tuple(matchers), tuple(filters))


def check_lines(text: str) -> None:
    """Raises QueryError for what does not begin as a log query does; what follows its selector Loki itself judges."""
    matchers, _ = _parsed_selector(text.strip())
    if not any(value and operator in ("=", "=~") for _, operator, value in matchers):
        raise QueryError("a LogQL selector needs a label with a value")


def _parsed_selector(text: str) -> tuple[list[tuple[str, str, str]], int]:
    """The matchers between the braces, and where the text goes on."""
    matchers: list[tuple[str, str, str]] = []
    place = 1
    while text.startswith("{") and (found := _MATCHER.match(text, place)):
        matchers.append((found[1], found[2], _unquoted(found[3])))
        place = found.end() + 1
        if text[place - 1 : place] == "}":
            return matchers, place
        if text[place - 1 : place] != ",":
            break
    raise QueryError(f'not a LogQL selector such as {{app="checkout"}}: {text[:60]!r}')


def _unquoted(literal: str) -> str:
    """The text of a literal. Raises QueryError for an escape that JSON does not know; Go's others are never needed."""
    if literal.startswith("`"):
        return literal[1:-1]
    try:
        return str(json.loads(literal, strict=False))
    except ValueError:
        raise QueryError(f"not a string: {literal[:60]}; write a backslash twice, or the text in backquotes") from None


def re2_escape(value: str) -> str:
    """A regular expression (RE2) that matches this text and nothing else.

    Source: Go's regexp.QuoteMeta. Python's `re.escape` also escapes what RE2 refuses to see escaped, such as a space.
    """
    return _META.sub(r"\\\g<0>", value)


def selector(equal: Mapping[str, str]) -> str:
    """`{a="b"}`. Raises QueryError where no label has a value, which Loki refuses, and for what is no label name."""
    if not any(equal.values()):
        raise QueryError("a LogQL selector needs a label with a value")
    return f"{{{', '.join(f'{_label(name)}={quote(value)}' for name, value in equal.items())}}}"


def contains_any(words: Iterable[str], ignore_case: bool = True) -> str:
    """A line filter `|~ "(?i)(a|b)"` for lines that hold any of the words. Raises QueryError where there is no word."""
    escaped = [re2_escape(word) for word in words if word]
    if not escaped:
        raise QueryError("a line filter needs a word: an empty one would let every line through")
    flag = "(?i)" if ignore_case else ""
    alternatives = "|".join(escaped)
    return f"|~ {quote(f'{flag}({alternatives})')}"


def count_over_time(selector_text: str, range_seconds: float, by: Iterable[str] = ()) -> str:
    """`sum by (…) (count_over_time(… [60s]))`: lines per window; without `by`, all in one series."""
    labels = ", ".join(map(_label, by))
    grouping = f" by ({labels}) " if labels else ""
    return f"sum{grouping}(count_over_time({selector_text} [{_duration(range_seconds)}]))"


def _label(name: str) -> str:
    if not is_label_name(name):
        raise QueryError(f"{name!a} is no label name of Loki: letters, digits and underscores, no digit first")
    return name


def _duration(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    if milliseconds <= 0:
        raise QueryError(f"a window must be longer than 0 seconds, not {seconds}")
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"
