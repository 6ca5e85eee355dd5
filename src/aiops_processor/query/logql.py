"""LogQL texts, built so that no value can change the query. Pure."""

import re
from collections.abc import Iterable, Mapping

from aiops_processor.errors import QueryError
from aiops_processor.query.literal import is_label_name, quote

__all__ = ["contains_any", "count_over_time", "quote", "re2_escape", "selector"]

_META = re.compile(r"[\\.+*?()|\[\]{}^$]")


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
