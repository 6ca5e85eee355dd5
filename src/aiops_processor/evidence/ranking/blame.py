"""Whom a line of trouble blames: `checkout answered 502: payments: connection refused` is about payments. Pure."""

import re
from collections.abc import Collection, Mapping

SHORTEST_NAME = 2
HEARSAY = 0.5
"""So much does a line say about the one it names, where nobody knows whether its writer calls that one."""
LONGEST_LINE = 2_000
"""Of a line longer than this only the head is looked at."""
_WORD = re.compile(r"[^\W_](?:[\w.-]*[^\W_])?")
_BEFORE, _AFTER = "/@=\"'`", ":/.\"'`"
"""Beside one of these a word is an address, a value or a quotation, and not a word of a sentence."""


def blamed(writer: str, text: str, known: Collection[str], below: Mapping[str, Collection[str]]) -> str:
    """The entity that the line points at: the last one named, for chains of errors end with their cause.

    `below` are those that an entity calls, through however many others. Where the writer's callees are known only they
    can be blamed; else a name must stand where names of hosts stand, for `user` and `order` are words, too.
    """
    callees = below.get(writer)
    found = writer
    for match in _WORD.finditer(text[:LONGEST_LINE]):
        name = match.group()
        if name == writer or name not in known or len(name) < SHORTEST_NAME:
            continue
        if name in callees if callees else _is_address(text, match):
            found = name
    return found


def _is_address(text: str, match: re.Match[str]) -> bool:
    before, after = text[: match.start()][-1:], text[match.end() :][:1]
    compound = re.search(r"[-_.\d]", match.group()) is not None
    return compound or (before != "" and before in _BEFORE) or (after != "" and after in _AFTER)
