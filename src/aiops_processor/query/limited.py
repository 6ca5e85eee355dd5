"""Queries that somebody else wrote, let through only where they are small: parsed, judged, and written anew. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import promql_parser as ast

from aiops_processor.errors import QueryError
from aiops_processor.query.logql import LineQuery, parse_lines
from aiops_processor.query.syntax import alternatives, parse, render, selector_text

DAY = 86_400


@dataclass(frozen=True)
class Bounds:
    """What a foreign query may be: so long, with so many selectors, looking so far around the time it is asked for."""

    characters: int = 1_000
    selectors: int = 4
    window_seconds: float = 6 * 3600
    offset_seconds: float = 8 * DAY


class LimitedQuery(NamedTuple):
    """A query that may be asked, and its selectors: what to count before it is."""

    text: str
    selectors: tuple[str, ...]


def promql(expr: str, bounds: Bounds) -> LimitedQuery:
    """The expression as we write it. Raises QueryError, which says what is too much."""
    _short(expr, bounds)
    tree = parse(expr)
    selectors = [_judged(found, window, bounds) for found, window in _selectors(tree)]
    if not selectors:
        raise QueryError("the query reads no series")
    if len(selectors) > bounds.selectors:
        raise QueryError(f"{len(selectors)} selectors are too many; {bounds.selectors} at most")
    return LimitedQuery(render(tree), tuple(dict.fromkeys(selectors)))


def one_selector(text: str, bounds: Bounds) -> str:
    """A series selector alone, as we write it. Raises QueryError."""
    found = promql(text, bounds)
    if found.selectors != (found.text,):
        raise QueryError('a selector alone is wanted, such as {service="checkout"}')
    return found.text


def logql(text: str, bounds: Bounds) -> LineQuery:
    """A log query of a selector and line filters, taken apart. Raises QueryError."""
    _short(text, bounds)
    return parse_lines(text)


def _short(text: str, bounds: Bounds) -> None:
    if len(text) > bounds.characters:
        raise QueryError(f"the query is longer than {bounds.characters} characters")


def _judged(found: ast.VectorSelector, window: timedelta | None, bounds: Bounds) -> str:
    if window and window.total_seconds() > bounds.window_seconds:
        raise QueryError(f"a window of {window} is too long; {bounds.window_seconds / 3600:g} h at most")
    if found.offset and abs(found.offset.total_seconds()) > bounds.offset_seconds:
        raise QueryError(f"an offset of {found.offset} is too long; {bounds.offset_seconds / DAY:g} d at most")
    if found.at is not None:
        raise QueryError("@ is not allowed; the time is chosen by the tool")
    if not (found.name or all(any(op == "=" and value for _, op, value in group) for group in alternatives(found))):
        raise QueryError("a selector needs a metric name or a label with an exact value")
    return selector_text(found)


def _selectors(node: ast.Expr) -> Iterator[tuple[ast.VectorSelector, timedelta | None]]:
    """Every selector with its window. Raises QueryError for a subquery, which multiplies what is read."""
    match node:
        case ast.VectorSelector():
            yield node, None
        case ast.MatrixSelector():
            yield node.vector_selector, node.range
        case ast.SubqueryExpr():
            raise QueryError("subqueries are not allowed")
        case ast.BinaryExpr():
            yield from _selectors(node.lhs)
            yield from _selectors(node.rhs)
        case ast.Call():
            for each in node.args:
                yield from _selectors(each)
        case ast.AggregateExpr():
            yield from (
                _selectors(node.expr)
                if node.param is None
                else (found for each in (node.param, node.expr) for found in _selectors(each))
            )
        case ast.ParenExpr() | ast.UnaryExpr():
            yield from _selectors(node.expr)
