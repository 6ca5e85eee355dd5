"""String literals and label names, the same in PromQL and LogQL: nothing in a value can end its literal."""

import re

from aiops_processor.errors import QueryError

_SPECIAL = re.compile(r'[\\"\x00-\x1f\x7f]')
_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def quote(value: str) -> str:
    """A string literal with its quotes, for any text. Raises QueryError for lone surrogates: no server can be sent one.

    Source: Go's strconv.Unquote, which Loki uses, and Prometheus' strutil.Unquote read the same escapes.
    """
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise QueryError(f"not valid Unicode, so it cannot stand in a query: {value!a}")
    return f'"{_SPECIAL.sub(_escape, value)}"'


def is_label_name(name: str) -> bool:
    """Whether the name needs no quotes: letters, digits and underscores, as every version of both servers takes it."""
    return _LABEL_NAME.fullmatch(name) is not None


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return _SHORT.get(character) or f"\\x{ord(character):02x}"
