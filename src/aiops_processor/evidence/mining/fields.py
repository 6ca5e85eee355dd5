"""What a structured line says: its message, its reason, its level. JSON and logfmt. Pure."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from aiops_processor.evidence.mining.levels import LEVEL_KEYS

MESSAGE_KEYS = ("msg", "message", "log", "event", "text", "body")
REASON_KEYS = ("error", "err", "exception", "exc", "reason", "cause")

_JSON = msgspec.json.Decoder(dict[str, Any])
_LOGFMT = re.compile(r'([A-Za-z_][\w.]{0,60})=("(?:[^"\\]|\\.)*+"|[^\s"]+)')
_SPEAKS = re.compile(rf"(?<![\w.])(?:{'|'.join(MESSAGE_KEYS)})=")


def fields_of(text: str) -> dict[str, str]:
    """The fields of a JSON or logfmt line as text; nothing where it is neither."""
    if text.startswith("{"):
        return _json(text)
    if "=" not in text or _SPEAKS.search(text) is None:
        return {}
    return {key: _unquoted(value) for key, value in _LOGFMT.findall(text)}


def message_of(fields: Mapping[str, str]) -> str:
    """What the line says in words, with its reason; the names of its fields where it says nothing."""
    parts = [next((fields[key] for key in keys if fields.get(key)), "") for keys in (MESSAGE_KEYS, REASON_KEYS)]
    return ": ".join(part for part in parts if part) or " ".join(sorted(fields))


def level_word_of(fields: Mapping[str, str]) -> str:
    """What the line calls its level; "" where it has none."""
    return next((fields[key] for key in LEVEL_KEYS if fields.get(key)), "") if fields else ""


def _json(text: str) -> dict[str, str]:
    try:
        parsed = _JSON.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return {}  # half a line: it is read as plain text
    return {key: value if isinstance(value, str) else _plain(value) for key, value in parsed.items()}


def _unquoted(value: str) -> str:
    return value[1:-1].replace('\\"', '"') if value.startswith('"') else value


def _plain(value: object) -> str:
    return "" if value is None else str(value)
