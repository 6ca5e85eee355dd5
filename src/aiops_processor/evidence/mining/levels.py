"""How bad a line says it is: the many words for it, and where they stand. Pure."""

import re
from functools import lru_cache

LEVEL_KEYS = ("level", "detected_level", "severity", "lvl", "levelname", "log_level", "loglevel", "severity_text")
LETTERS = {"V": "trace", "T": "trace", "D": "debug", "I": "info", "W": "warn", "E": "error", "F": "fatal"}
"""One-letter levels (glog, Android, klog); taken as such only where a whole column is made of them."""

_LEVELS = {
    "fatal": "fatal", "critical": "fatal", "crit": "fatal", "panic": "fatal", "emerg": "fatal", "emergency": "fatal",
    "alert": "fatal", "error": "error", "err": "error", "eror": "error", "severe": "error", "warn": "warn",
    "warning": "warn", "info": "info", "information": "info", "notice": "info", "debug": "debug", "trace": "trace",
}  # fmt: skip
_COLUMN_ONLY = {"log": "info", "note": "info", "fine": "debug", "finer": "trace", "finest": "trace", "verbose": "trace"}
"""Levels to some programs, but ordinary words in a message."""
_WORD = re.compile(rf"\b({'|'.join(_LEVELS)})\b", re.IGNORECASE)
_PART = re.compile(r"[A-Za-z]+")
_HEAD = 80
"""Where plain lines name their level."""


def level_of(word: str) -> str:
    """The level that a program's own word for it means; "" for a word that is none."""
    lower = word.lower()
    return _LEVELS.get(lower) or _COLUMN_ONLY.get(lower, "")


def level_in(text: str) -> str:
    """The first level that the head of a line names; "" where it names none."""
    found = _WORD.search(text[:_HEAD])
    return _LEVELS[found.group(1).lower()] if found else ""


@lru_cache(maxsize=1024)
def level_of_column(text: str) -> str:
    """The level that a header's column names among its brackets and marks: `[core:error]`, `W`."""
    parts = _PART.findall(text)
    return next((level for part in parts if (level := level_of(part))), "") or LETTERS.get(text.strip(",:/"), "")
