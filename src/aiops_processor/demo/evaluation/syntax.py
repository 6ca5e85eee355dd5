"""PromQL text to the parser's tree, with Prometheus' own words where it does not parse."""

import re
from functools import lru_cache
from typing import Any

import promql_parser as ast

from aiops_processor.demo.evaluation.vectors import ExecutionError, ParseError
from aiops_processor.demo.go_regex import BadRegex, compiled

# Functions that Prometheus 2 knows and the parser does not: refused as not implemented, not as unknown.
UNPARSED = ("holt_winters",)


@lru_cache(maxsize=256)
def parsed(query: str) -> Any:
    """The tree. Raises ParseError, with the column where it can be told."""
    try:
        return ast.parse(query)
    except ValueError as error:
        raise _explained(str(error), query) from error


def _explained(reason: str, query: str) -> Exception:
    for name in UNPARSED:
        if f"'{name}'" in reason:
            return ExecutionError(f"function {name} is not implemented in the replay")
    if reason.startswith("illegal regex for "):
        pattern = reason.removeprefix("illegal regex for ")
        return ParseError(_regex_reason(pattern), _regex_position(query))
    if reason.startswith("unclosed"):
        return ParseError(reason, len(query) + 1)
    if reason.startswith("unknown function with name '"):
        name = reason.split("'")[1]
        return ParseError(f'unknown function with name "{name}"', query.find(name) + 1)
    return ParseError(reason)


def _regex_reason(pattern: str) -> str:
    try:
        compiled(pattern)
    except BadRegex as error:
        return str(error)
    return f"error parsing regexp: `{pattern}`"


def _regex_position(query: str) -> int:
    """The column of the first matcher with a regular expression that does not compile."""
    for match in re.finditer(r"""(\w+)\s*[=!]~\s*(["'`])(.*?)\2""", query):
        try:
            compiled(match.group(3))
        except BadRegex:
            return match.start() + 1
    return 1


def parsed_selector(text: str) -> ast.VectorSelector:
    """A series selector, as in `match[]`. Raises ParseError."""
    tree = parsed(text)
    if not isinstance(tree, ast.VectorSelector):
        raise ParseError(f"expected a series selector, got {type(tree).__name__}")
    return tree


def bare(node: Any) -> Any:
    """Without the parentheses around it."""
    return bare(node.expr) if isinstance(node, ast.ParenExpr) else node
