"""PromQL text to tree and back.

promql-parser (Rust) reads the text. Its nodes cannot be built, `prettify()` ignores changed matchers and
`str(Matcher)` does not escape quotes: so trees are written by our own renderer, here and nowhere else.
"""

import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import promql_parser as ast

from aiops_processor.errors import QueryError
from aiops_processor.query.literal import is_label_name, quote

Operator = Literal["=", "!=", "=~", "!~"]
WriteSelector = Callable[[ast.VectorSelector, float | None], str]
"""(selector, its window in seconds or None) → its text without window, offset and @"""
Wrap = Callable[[ast.Expr, str], str]
"""(node, its text) → the text that stands for it"""

_OPERATORS: Mapping[str, Operator] = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_CHARACTERS = 100_000
REMEMBERED = 256
"""Expressions of which the tree is kept."""
_MOST_NESTED = 200
_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_RESERVED = frozenset(
    {"anchored", "atan2", "bool", "group_left", "group_right", "ignoring", "inf", "nan", "on", "smoothed"}
)  # promql-parser refuses these, or reads a number
# Possessive, and with an end that may be missing: else a text that never ends is read again from each of its marks.
_NESTING = re.compile(
    r"""\#[^\n]*
      | "(?:\\.|[^"\\])*+"? | '(?:\\.|[^'\\])*+'? | `[^`]*+`?
      | (?P<nests>\b(?:and|or|unless|atan2)\b | [(\[+*/%^<>-] | [=!]=)""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


@functools.lru_cache(REMEMBERED)
def parse(expr: str) -> ast.Expr:
    """The expression as a tree, which nobody changes. Raises QueryError that names what is wrong.

    Remembered: one query is looked at for its selectors, its labels and its cost, and packs and rules ask the same.
    """
    _refuse_what_is_too_deep(expr)
    try:
        return ast.parse(expr)
    except ValueError as error:
        raise QueryError(f"not PromQL: {error} in {shortened(expr)!r}") from None


def render(node: ast.Expr) -> str:
    """The tree as PromQL that parses to the same tree."""
    return rewrite(node, lambda found, _: selector_text(found))


def rewrite(node: ast.Expr, write: WriteSelector, wrap: Wrap = lambda _, text: text) -> str:
    """The tree as PromQL, with the text that `write` gives for each selector. Visits them in the order of the text.

    `wrap` may put something around the text of any node but a selector's within a range.
    """

    def go(child: ast.Expr) -> str:
        return rewrite(child, write, wrap)

    match node:
        case ast.VectorSelector():
            text = write(node, None) + _when(node)
        case ast.MatrixSelector():
            inner = node.vector_selector
            text = f"{write(inner, node.range.total_seconds())}[{_duration(node.range)}]{_when(inner)}"
        case ast.SubqueryExpr():
            text = f"{go(node.expr)}[{_optional(node.range)}:{_optional(node.step)}]{_when(node)}"
        case ast.ParenExpr():
            text = f"({go(node.expr)})"
        case ast.UnaryExpr():
            text = f"-{go(node.expr)}"
        case ast.BinaryExpr():
            text = f"{go(node.lhs)} {node.op}{_matching(node.modifier)} {go(node.rhs)}"
        case ast.AggregateExpr():
            parameters = [] if node.param is None else [node.param]
            text = f"{node.op}{_grouping(node.modifier)}({', '.join(map(go, [*parameters, node.expr]))})"
        case ast.Call():
            text = f"{node.func.name}({', '.join(map(go, node.args))})"
        case ast.NumberLiteral():
            text = number(node.val)
        case ast.StringLiteral():
            text = quote(node.val)
        case _:
            raise QueryError(f"cannot write a {type(node).__name__}")
    return wrap(node, text)


def selector_text(node: ast.VectorSelector) -> str:
    """`m{a="b"}` of a selector, without window, offset and @."""
    return written(node.name, alternatives(node))


def alternatives(node: ast.VectorSelector) -> list[list[tuple[str, Operator, str]]]:
    """The selector's matchers; more than one list where they are joined with `or` (VictoriaMetrics)."""
    groups = node.matchers.or_matchers or [node.matchers.matchers]
    return [[(each.name, _OPERATORS[str(each.op)], each.value) for each in group] for group in groups]


def written(name: str | None, groups: Sequence[Sequence[tuple[str, Operator, str]]]) -> str:
    """A selector's text from its parts."""
    if name is not None and not _is_metric_name(name):
        return written(None, [[("__name__", "=", name), *group] for group in groups])
    inside = " or ".join(", ".join(matcher(*each) for each in group) for group in groups)
    return f"{name or ''}{{{inside}}}" if inside or not name else name


def matcher(name: str, op: Operator, value: str) -> str:
    """`name="value"`. Raises QueryError for an empty name or an operator that does not exist.

    A name that is not letters, digits and underscores is quoted ("UTF-8 names"): only Prometheus 3 and later takes it.
    """
    if op not in _OPERATORS.values():
        raise QueryError(f"{op!r} is no matcher; known: {' '.join(_OPERATORS.values())}")
    return f"{label_name(name)}{op}{quote(value)}"


def label_name(name: str) -> str:
    """A label name as it stands in a query, quoted where it must be. Raises QueryError for an empty one."""
    if not name:
        raise QueryError("a label name must not be empty")
    return name if is_label_name(name) else quote(name)


def number(value: float) -> str:
    """A number as PromQL reads it."""
    if not math.isfinite(value):
        return {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}[str(value)]
    whole = value.is_integer() and 0 < abs(value) < 1e15
    return str(int(value)) if whole else repr(value).removesuffix(".0")


def bare(node: ast.Expr) -> ast.Expr:
    """The node without the parentheses around it."""
    while isinstance(node, ast.ParenExpr):
        node = node.expr
    return node


def children(node: ast.Expr) -> list[ast.Expr]:
    """The nodes right below this one."""
    match node:
        case ast.BinaryExpr():
            return [node.lhs, node.rhs]
        case ast.Call():
            return list(node.args)
        case ast.MatrixSelector():
            return [node.vector_selector]
        case ast.AggregateExpr() | ast.ParenExpr() | ast.UnaryExpr() | ast.SubqueryExpr():
            return [node.expr]
        case _:
            return []


def shortened(expr: str) -> str:
    """The expression in one line, short enough for a message."""
    line = " ".join(expr.split())
    return line if len(line) <= 200 else f"{line[:200]}…"


def _refuse_what_is_too_deep(expr: str) -> None:
    # The parser's time is quadratic in the depth of the tree (minutes at 5,000 parentheses), and expressions come
    # from links in alerts: anybody who can post an alert could stop us. Real rules stay under 50.
    if len(expr) > _MOST_CHARACTERS:
        raise QueryError(f"longer than {_MOST_CHARACTERS} characters: {shortened(expr)!r}")
    if sum(1 for found in _NESTING.finditer(expr) if found["nests"]) > _MOST_NESTED:
        raise QueryError(f"more than {_MOST_NESTED} operators and parentheses: {shortened(expr)!r}")


def _is_metric_name(name: str) -> bool:
    return _METRIC_NAME.fullmatch(name) is not None and name.lower() not in _RESERVED


def _when(node: ast.VectorSelector | ast.SubqueryExpr) -> str:
    return _at(node.at) + _offset(node.offset)


def _offset(offset: timedelta | None) -> str:
    if offset is None:
        return ""
    return f" offset -{_duration(-offset)}" if offset < timedelta(0) else f" offset {_duration(offset)}"


def _at(at: ast.AtModifier | None) -> str:
    if at is None:
        return ""
    if at.at is None:
        return " @ start()" if at.type == ast.AtModifierType.Start else " @ end()"
    milliseconds = (at.at - _EPOCH) // timedelta(milliseconds=1)
    return f" @ {milliseconds / 1000:.3f}"


def _duration(length: timedelta) -> str:
    return ast.display_duration(length)


def _optional(length: timedelta | None) -> str:
    return "" if length is None else _duration(length)


def _grouping(modifier: ast.AggModifier | None) -> str:
    if modifier is None:
        return ""
    word = "by" if modifier.type == ast.AggModifierType.By else "without"
    return f" {word} ({_names(modifier.labels)}) "


def _matching(modifier: ast.BinModifier | None) -> str:
    if modifier is None:
        return ""
    matching, group = modifier.matching, modifier.group_labels
    parts = [" bool" if modifier.return_bool else ""]
    if matching is not None:
        word = "on" if matching.type == ast.LabelModifierType.Include else "ignoring"
        parts.append(f" {word} ({_names(matching.labels)})")
    if group is not None:
        side = "left" if modifier.card == ast.VectorMatchCardinality.ManyToOne else "right"
        parts.append(f" group_{side} ({_names(group)})")
    return "".join(parts) + _fill(modifier.fill_values)


def _fill(values: ast.VectorMatchFillValues) -> str:
    left = "" if values.lhs is None else f" fill_left ({number(values.lhs)})"
    right = "" if values.rhs is None else f" fill_right ({number(values.rhs)})"
    return left + right


def _names(labels: Sequence[str]) -> str:
    return ", ".join(map(label_name, labels))
