"""The expression behind an alert, from the link that its `generatorURL` is."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

_KEYS = ("g0.expr", "expr")
_DEEPEST = 10


def expression_of(generator_url: str) -> str | None:
    """The expression that a `generatorURL` links to, None where there is none.

    Prometheus, Thanos and vmui say `g0.expr=` (vmui behind a `#`), others `expr=`; Grafana's explore keeps it in
    JSON (`left=`, `panes=`).
    """
    try:
        parameters = _parameters(generator_url)
    except ValueError:
        return None
    named = (value for key in _KEYS for value in parameters.get(key, []))
    in_json = (found for key in ("left", "panes") for value in parameters.get(key, []) for found in _in_json(value))
    return next((expr.strip() for expr in (*named, *in_json) if expr.strip()), None)


def _parameters(url: str) -> dict[str, list[str]]:
    parts = urlsplit(url)
    _, _, behind_the_hash = parts.fragment.partition("?")
    return parse_qs("&".join(part for part in (parts.query, behind_the_hash) if part))


def _in_json(text: str) -> Iterator[str]:
    try:
        yield from _expressions(json.loads(text), 0)
    except (ValueError, RecursionError):
        return


def _expressions(value: Any, depth: int) -> Iterator[str]:
    """Every string under a key `expr`, outermost first; Grafana changed the shape around it three times."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict) and isinstance(value.get("expr"), str):
        yield value["expr"]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inside:
        yield from _expressions(item, depth + 1)
