"""What an evaluation of an expression costs its server, as far as the text says it. Pure."""

import math
from collections import Counter
from collections.abc import Mapping

import promql_parser as ast

from aiops_processor.query.syntax import children, parse, selector_text

SUBQUERY_SECONDS = 60.0
"""How far apart a subquery looks that does not say it: Prometheus' usual evaluation interval."""


def samples(expr: str, interval: float) -> Mapping[str, int]:
    """By selector (as in `Selector.text`), how many samples of each of its series one evaluation reads.

    `interval` is the time between two scrapes in seconds. `m[30d]` reads thirty days of them, and a subquery as often
    as it looks. Raises QueryError.
    """
    found: Counter[str] = Counter()
    _count(parse(expr), 1, interval, found)
    return found


def _count(node: ast.Expr, times: int, interval: float, found: Counter[str]) -> None:
    match node:
        case ast.VectorSelector():
            found[selector_text(node)] += times
        case ast.MatrixSelector():
            found[selector_text(node.vector_selector)] += times * _fits(node.range.total_seconds(), interval)
        case ast.SubqueryExpr():
            span = node.range.total_seconds() if node.range else SUBQUERY_SECONDS
            step = node.step.total_seconds() if node.step else SUBQUERY_SECONDS
            _count(node.expr, times * _fits(span, step), interval, found)
        case _:
            for child in children(node):
                _count(child, times, interval, found)


def _fits(seconds: float, step: float) -> int:
    return max(1, math.ceil(seconds / max(step, 0.001)))
