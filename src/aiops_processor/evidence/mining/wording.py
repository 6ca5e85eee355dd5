"""A template as people read it. Pure."""

from collections.abc import Sequence

_BEFORE_NONE = frozenset(",;:.!?)]}=%")
_AFTER_NONE = frozenset("([{=")
_QUOTES = frozenset("\"'`")


def shown(template: Sequence[str]) -> str:
    """The words with the spaces that a text has between them."""
    text, glued = "", True
    opened: set[str] = set()
    for word in template:
        closing = word in _QUOTES and word in opened
        text += word if glued or closing or word in _BEFORE_NONE else f" {word}"
        glued = word in _AFTER_NONE or (word in _QUOTES and not closing)
        if word in _QUOTES:
            opened ^= {word}
    return text
