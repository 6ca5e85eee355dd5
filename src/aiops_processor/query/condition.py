"""What an alert's condition measures: its sides, without the thresholds they are held against."""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import promql_parser as ast

from aiops_processor.query.syntax import bare, children, parse, render

Kind = Literal["counter", "gauge", "histogram", "ratio", "absent", "time", "other"]

_SET = frozenset({"and", "or", "unless"})
_FLIPPED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "^": operator.pow,
}
_ABSENT = frozenset({"absent", "absent_over_time"})
_COUNTING = frozenset({"rate", "irate", "increase", "resets"})
_SLOPES = frozenset(
    {"delta", "deriv", "idelta", "predict_linear", "double_exponential_smoothing", "holt_winters", "changes"}
)
_CLOCKS = frozenset(
    {
        "time",
        "timestamp",
        "hour",
        "minute",
        "month",
        "year",
        "day_of_month",
        "day_of_week",
        "day_of_year",
        "days_in_month",
    }
)
_COUNTER_ENDINGS = ("_total", "_count", "_sum", "_bucket")


@dataclass(frozen=True)
class Side:
    """One measured side of an alert's condition, without the threshold.

    `op` and `threshold` are the comparison as the side stands on its left (`5 < m` is `m > 5`); `threshold` is None
    where the other side is no number, `op` is "" where there is no comparison. The `expr` of an `absent` side is what
    is missed: `x` of `absent(x)`.
    """

    expr: str
    op: str
    threshold: float | None
    kind: Kind


def take_apart(expr: str) -> list[Side]:
    """Each side of the comparisons, without thresholds; `and`, `or` and `unless` split. Raises QueryError.

    A comparison inside a side (`count(up == 0) > 2`) gives one more side after it: the outer one has no points while
    all is well. An expression without any comparison is one side. Sides without a selector (`time()`) are left out
    where there are others.
    """
    sides = list(dict.fromkeys(_sides(parse(expr))))
    measured = [side for side in sides if _measures(parse(side.expr))]
    return measured or sides


def _sides(node: ast.Expr) -> Iterator[Side]:
    """The sides that this node is made of."""
    node = bare(node)
    if isinstance(node, ast.BinaryExpr) and str(node.op) in _SET:
        yield from _sides(node.lhs)
        yield from _sides(node.rhs)
    elif missed := _missed(node):
        yield from (replace(side, kind="absent") for side in _sides(missed))
    elif isinstance(node, ast.BinaryExpr) and str(node.op) in _FLIPPED:
        yield from [
            *_compared(node.lhs, str(node.op), node.rhs),
            *_compared(node.rhs, _FLIPPED[str(node.op)], node.lhs),
        ] or [_side(node, "", None)]
    else:
        yield from list(_inner(node)) or [_side(node, "", None)]


def _compared(measured: ast.Expr, op: str, against: ast.Expr) -> Iterator[Side]:
    """The side that is measured, and the comparisons inside it."""
    if _constant(measured) is not None:
        return
    threshold = _constant(against)
    if missed := _missed(bare(measured)):
        yield from (replace(side, op=op, threshold=threshold, kind="absent") for side in _sides(missed))
        return
    yield _as_level(_side(_unfiltered(measured), op, threshold))
    yield from _inner(measured)


def _inner(node: ast.Expr) -> Iterator[Side]:
    """The sides of the comparisons that lie deeper: `a > 5` of `sum(a > 5)` and of `(a > 5) * on (x) info`."""
    node = bare(node)
    if isinstance(node, ast.BinaryExpr) and str(node.op) in _FLIPPED:
        yield from _sides(node)
        return
    for child in children(node):
        yield from _inner(child)


def _side(node: ast.Expr, op: str, threshold: float | None) -> Side:
    node = bare(node)
    return Side(render(node), op, threshold, _kind(node))


def _as_level(side: Side) -> Side:
    """What is compared as it stands is a level, whatever its name: `argocd_repo_pending_request_total > 50`."""
    return replace(side, kind="gauge") if side.kind == "counter" and not _counts(parse(side.expr)) else side


def _counts(node: ast.Expr) -> bool:
    here = isinstance(node, ast.Call) and node.func.name in _COUNTING
    return here or any(map(_counts, children(node)))


def _unfiltered(node: ast.Expr) -> ast.Expr:
    """`a` of `a > 5`, for the sides of `a > 5 < 20`; `a > bool 5` is a value of its own and stays."""
    node = bare(node)
    while isinstance(node, ast.BinaryExpr) and str(node.op) in _FLIPPED and not _is_bool(node):
        node = bare(node.rhs if _constant(node.lhs) is not None else node.lhs)
    return node


def _is_bool(node: ast.BinaryExpr) -> bool:
    return node.modifier is not None and node.modifier.return_bool


def _missed(node: ast.Expr) -> ast.Expr | None:
    """`x` of `absent(x)` and of `absent_over_time(x[5m])`."""
    if not isinstance(node, ast.Call) or node.func.name not in _ABSENT:
        return None
    missed = bare(node.args[0])
    return children(missed)[0] if isinstance(missed, ast.MatrixSelector | ast.SubqueryExpr) else missed


def _constant(node: ast.Expr) -> float | None:
    """The value of an expression of numbers alone (`10 * 1024 ^ 2`), None where there is more in it."""
    node = bare(node)
    if isinstance(node, ast.NumberLiteral):
        return node.val
    if isinstance(node, ast.UnaryExpr):
        value = _constant(node.expr)
        return None if value is None else -value
    if isinstance(node, ast.BinaryExpr) and str(node.op) in _ARITHMETIC:
        return _calculated(_constant(node.lhs), str(node.op), _constant(node.rhs))
    return None


def _calculated(left: float | None, op: str, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    try:
        value = _ARITHMETIC[op](left, right)
    except (ZeroDivisionError, OverflowError):
        return None
    return None if isinstance(value, complex) else value


def _measures(node: ast.Expr) -> bool:
    return isinstance(node, ast.VectorSelector) or any(map(_measures, children(node)))


def _kind(node: ast.Expr) -> Kind:
    """What sort of number comes out: how it is compared over time depends on it."""
    node = bare(node)
    if _reads_the_clock(node):
        return "time"
    match node:
        case ast.VectorSelector():
            return _kind_of_metric(node.name)
        case ast.BinaryExpr():
            return _kind_of_arithmetic(node)
        case ast.Call():
            return _kind_of_call(node)
        case ast.AggregateExpr() if str(node.op) in ("count", "group", "count_values"):
            return "gauge"
        case _:
            below = children(node)
            return _kind(below[0]) if below else "other"


def _reads_the_clock(node: ast.Expr) -> bool:
    here = isinstance(node, ast.Call) and node.func.name in _CLOCKS
    return here or any(map(_reads_the_clock, children(node)))


def _kind_of_metric(name: str | None) -> Kind:
    if name is None:
        return "other"
    return "counter" if name.endswith(_COUNTER_ENDINGS) else "gauge"


def _kind_of_arithmetic(node: ast.BinaryExpr) -> Kind:
    if _constant(node.lhs) is not None:
        return _kind(node.rhs)
    if str(node.op) == "/" and _constant(node.rhs) is None:
        return "ratio"
    return _kind(node.lhs)


def _kind_of_call(node: ast.Call) -> Kind:
    name = node.func.name
    if name.startswith("histogram_"):
        return "histogram"
    if name in _COUNTING:
        return "counter"
    if name in _SLOPES:
        return "gauge"
    vectors = [argument for argument in node.args if _measures(argument)]
    return _kind(vectors[0]) if vectors else "other"
