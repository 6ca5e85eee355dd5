"""Which labels the results of an expression can carry, as far as its text says."""

import promql_parser as ast

from aiops_processor.query.syntax import alternatives, bare, children, parse

_KEEP_THEIR_INPUT = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})
_WITHOUT_LABELS = frozenset({"scalar", "vector", "time", "pi"})


def output_labels(expr: str) -> list[str] | None:
    """The labels that results can carry where the expression says it (`by`, `on`), else None. Raises QueryError."""
    return _labels(parse(expr))


def _labels(node: ast.Expr) -> list[str] | None:
    node = bare(node)
    match node:
        case ast.AggregateExpr():
            return _aggregated(node)
        case ast.BinaryExpr():
            return _combined(node)
        case ast.Call():
            return _called(node)
        case ast.UnaryExpr() | ast.SubqueryExpr():
            return _labels(node.expr)
        case ast.NumberLiteral() | ast.StringLiteral():
            return []
        case _:
            return None


def _aggregated(node: ast.AggregateExpr) -> list[str] | None:
    if str(node.op) in _KEEP_THEIR_INPUT:
        return _labels(node.expr)
    if node.modifier is not None and node.modifier.type == ast.AggModifierType.Without:
        below = _labels(node.expr)
        return None if below is None else [name for name in below if name not in node.modifier.labels]
    kept = [] if node.modifier is None else list(node.modifier.labels)
    return _with(kept, node.param.val) if isinstance(node.param, ast.StringLiteral) else kept


def _combined(node: ast.BinaryExpr) -> list[str] | None:
    left, right = _labels(node.lhs), _labels(node.rhs)
    if str(node.op) == "or":
        return None if left is None or right is None else _with(left, *right)
    if str(node.op) in ("and", "unless"):
        return left
    if _is_scalar(node.lhs):
        return right
    if _is_scalar(node.rhs) or node.modifier is None:
        return left
    return _matched(left, right, node.modifier)


def _matched(left: list[str] | None, right: list[str] | None, modifier: ast.BinModifier) -> list[str] | None:
    """Labels of a vector held against a vector. Source: resultMetric in Prometheus' promql/engine.go."""
    if modifier.group_labels is not None:
        many = left if modifier.card == ast.VectorMatchCardinality.ManyToOne else right
        return None if many is None else _with(many, *modifier.group_labels)
    if modifier.matching is None or left is None:
        return left if modifier.matching is None else _only_on(modifier.matching)
    if modifier.matching.type == ast.LabelModifierType.Include:
        return list(modifier.matching.labels)
    return [name for name in left if name not in modifier.matching.labels]


def _only_on(matching: ast.LabelModifier) -> list[str] | None:
    return list(matching.labels) if matching.type == ast.LabelModifierType.Include else None


def _called(node: ast.Call) -> list[str] | None:
    name = node.func.name
    if name in _WITHOUT_LABELS or not node.args:
        return []
    if name in ("absent", "absent_over_time"):
        return _named_by_equality(bare(node.args[0]))
    if name == "info":
        return None
    vector = node.args[1] if name.startswith("histogram_") and len(node.args) > 1 else node.args[0]
    below = _labels(vector)
    if name in ("label_replace", "label_join") and below is not None:
        target = node.args[1]
        return _with(below, target.val) if isinstance(target, ast.StringLiteral) else None
    return below


def _named_by_equality(node: ast.Expr) -> list[str]:
    """absent() gives its result the labels that its selector asks for with `=`."""
    selector = children(node)[0] if isinstance(node, ast.MatrixSelector) else node
    if not isinstance(selector, ast.VectorSelector):
        return []
    matchers = [each for group in alternatives(selector) for each in group]
    return list(dict.fromkeys(name for name, op, _ in matchers if op == "=" and name != "__name__"))


def _is_scalar(node: ast.Expr) -> bool:
    node = bare(node)
    if isinstance(node, ast.Call):
        return node.func.name in ("scalar", "time", "pi")
    if isinstance(node, ast.BinaryExpr):
        return _is_scalar(node.lhs) and _is_scalar(node.rhs)
    return isinstance(node, ast.NumberLiteral) or (isinstance(node, ast.UnaryExpr) and _is_scalar(node.expr))


def _with(labels: list[str], *more: str) -> list[str]:
    return list(dict.fromkeys([*labels, *more]))
