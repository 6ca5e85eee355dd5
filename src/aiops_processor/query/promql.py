"""PromQL as values: parse, render, take apart, narrow, escape. Pure: nothing is asked of a server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import promql_parser as ast

from aiops_processor.errors import QueryError
from aiops_processor.query.condition import Kind, Side, take_apart
from aiops_processor.query.generator import expression_of
from aiops_processor.query.literal import quote
from aiops_processor.query.results import output_labels
from aiops_processor.query.syntax import (
    Operator,
    alternatives,
    label_name,
    matcher,
    parse,
    render,
    rewrite,
    selector_text,
    written,
)

__all__ = [
    "Kind",
    "Operator",
    "Selector",
    "Side",
    "count",
    "expression_of",
    "inject",
    "matcher",
    "narrowed",
    "output_labels",
    "parse",
    "quote",
    "render",
    "selector",
    "selectors",
    "take_apart",
]


@dataclass(frozen=True)
class Selector:
    """One vector selector of an expression.

    `matchers` are (label, operator, value), without `__name__` where `metric` says it, and of all alternatives where
    they are joined with `or`. `range_seconds` is the window of `m[5m]`, None for an instant selector. `text` is PromQL
    without window, offset and @: what `/series` takes.
    """

    metric: str | None
    matchers: tuple[tuple[str, str, str], ...]
    range_seconds: float | None
    text: str


def selector(name: str | None, equal: Mapping[str, str]) -> str:
    """`m{a="b"}`. Raises QueryError where nothing would be selected by: Prometheus refuses that.

    A metric name that is no plain name stands as `__name__="…"`, which every version takes. A label name that is not
    letters, digits and underscores is quoted: only Prometheus 3 and later takes that ("UTF-8 names").
    """
    if not name and not any(equal.values()):
        raise QueryError("a selector needs a metric name or a label with a value")
    return written(name or None, [[(label, "=", value) for label, value in equal.items()]])


def count(selector: str, by: Sequence[str], seconds: int) -> str:
    """How many series a selector had in so many seconds, by these labels; `__name__` may be one of them."""
    return f"count by ({', '.join(map(label_name, by))}) (last_over_time({selector}[{max(1, seconds)}s]))"


def selectors(expr: str) -> list[Selector]:
    """Every vector selector, in the order of the text. Raises QueryError."""
    found: list[Selector] = []

    def note(node: ast.VectorSelector, range_seconds: float | None) -> str:
        found.append(_selector(node, range_seconds))
        return selector_text(node)

    rewrite(parse(expr), note)
    return found


def inject(
    expr: str,
    matchers: Mapping[str, str],
    only: Callable[[Selector], Mapping[str, str]] | None = None,
) -> str:
    """The expression with equality matchers added to every selector that has no matcher on that label yet.

    `only` decides per selector which matchers are added, instead of `matchers`. Raises QueryError.
    """

    def added(node: ast.VectorSelector, range_seconds: float | None) -> str:
        wanted = matchers if only is None else only(_selector(node, range_seconds))
        return written(node.name, [[*group, *_missing(wanted, group, node.name)] for group in alternatives(node)])

    return rewrite(parse(expr), added)


def narrowed(selector: str, label: str, op: Operator, value: str) -> str:
    """The selector with one more matcher, unless it has one on that label already. Raises QueryError."""

    def added(node: ast.VectorSelector, _: float | None) -> str:
        groups = alternatives(node)
        known = any(name == label for group in groups for name, _, _ in group)
        return selector_text(node) if known else written(node.name, [[*each, (label, op, value)] for each in groups])

    return rewrite(parse(selector), added)


def _selector(node: ast.VectorSelector, range_seconds: float | None) -> Selector:
    given = tuple(each for group in alternatives(node) for each in group)
    metric = node.name or next((value for label, op, value in given if (label, op) == ("__name__", "=")), None)
    others = tuple(each for each in given if each != ("__name__", "=", metric))
    return Selector(metric, others, range_seconds, selector_text(node))


def _missing(
    wanted: Mapping[str, str], given: list[tuple[str, Operator, str]], name: str | None
) -> list[tuple[str, Operator, str]]:
    taken = {label for label, _, _ in given} | ({"__name__"} if name else set())
    return [(label, "=", value) for label, value in wanted.items() if label not in taken]
