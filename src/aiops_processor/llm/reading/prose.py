"""Answers that are no JSON at all: YAML, Markdown with headings or a table, and plain "Summary: …" lines."""

import re
from typing import Any

import yaml

MOST_CHARACTERS = 20_000
MOST_NESTING = 200
FEWEST_FIELDS = 2
"""One word and a colon stand in every other sentence; two fields of ours stand there on purpose."""

_FENCE = re.compile(r"```[a-zA-Z]*\n(.*?)(?:```|\Z)", re.DOTALL)
_LABEL = re.compile(
    r"^[\s|>]*(?:\#+\s*|[-*+]\s+|\d+[.)]\s+)?[*_`]*(?P<name>[A-Za-z][A-Za-z _-]{2,24}?)[*_`]*\s*(?P<mark>[:|]|$)[*_`]*"
    r"(?P<rest>.*)$"
)
_RULE = re.compile(r"^[\s|:=+-]+$")
_MARKUP = re.compile(r"^[\s>|]+|[\s|]+$|\*\*|__")


class _NoAliases(yaml.BaseLoader):
    """Every scalar is a text, and nothing refers to anything else: ten lines of references can mean a billion."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("references are not read")
        return super().compose_node(parent, index)


def from_yaml(text: str, known: frozenset[str]) -> dict[str, Any]:
    """The mapping that a text, or the first fence in it, is in YAML; {} where it is none or has too few known fields.

    `known` are the names of the fields in the form of `field_name`.
    """
    fence = _FENCE.search(text)
    body = (fence[1] if fence else text)[:MOST_CHARACTERS].expandtabs(2)
    if sum(map(body.count, "[{")) > MOST_NESTING:
        return {}
    try:
        found = yaml.load(body, Loader=_NoAliases)  # noqa: S506 - BaseLoader makes texts, lists and mappings only
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    while isinstance(found, dict) and len(found) == 1:  # `analysis:` around it all
        (found,) = found.values()
    named = known.intersection(map(field_name, found)) if isinstance(found, dict) else ()
    return found if len(named) >= FEWEST_FIELDS else {}


def from_labels(text: str, known: frozenset[str]) -> dict[str, Any]:
    """What stands under headings, in table rows and after labels that name a field; {} where there are too few."""
    found: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in text[:MOST_CHARACTERS].splitlines():
        label = _LABEL.match(line)
        name = field_name(label["name"]) if label else ""
        if label and name in known:
            lines = found.setdefault(name, [])
        said = label["rest"] if label and name in known else line
        if lines is not None and said.strip() and not _RULE.match(said):
            lines.append(_MARKUP.sub("", said).replace(" | ", ": "))
    given = {name: "\n".join(lines) for name, lines in found.items() if lines}
    return given if len(given) >= FEWEST_FIELDS else {}


def field_name(key: str) -> str:
    """`rootCause`, `Root Cause` and `root-cause` as `root_cause`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[\s-]+", "_", key.strip(" *_`")).lower()
