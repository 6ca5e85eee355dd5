"""What Prometheus 2.49 and later remark about a query that they answer."""

import re
from typing import Any

import promql_parser as ast

from aiops_processor.demo.evaluation.dialect import Dialect
from aiops_processor.demo.evaluation.selection import metric_name

COUNTER_FUNCTIONS = frozenset({"rate", "irate", "increase"})
COUNTER_ENDINGS = ("_total", "_sum", "_count", "_bucket")


def remarks(tree: Any, query: str, dialect: Dialect) -> tuple[str, ...]:
    """The remarks, each once, with the column that they are about. Empty before 2.49."""
    if not dialect.notes:
        return ()
    noted: dict[str, None] = {}

    def visit(node: Any) -> None:
        if isinstance(node, ast.Call):
            noted.update(dict.fromkeys(_about(node, query)))

    ast.walk(tree, pre_visit=visit)
    return tuple(noted)


def _about(call: ast.Call, query: str) -> list[str]:
    name, first = call.func.name, call.args[0] if call.args else None
    if name in COUNTER_FUNCTIONS and isinstance(first, ast.MatrixSelector):
        metric = metric_name(first.vector_selector)
        if metric and not metric.endswith(COUNTER_ENDINGS):
            ending = "name does not end in _total/_sum/_count/_bucket"
            where = _column(rf"{name}\s*\(\s*()", query)
            return [f'PromQL info: metric might not be a counter, {ending}: "{metric}" (1:{where})']
    if name == "histogram_quantile" and isinstance(first, ast.NumberLiteral) and not 0 <= first.val <= 1:
        where = _column(rf"{name}\s*\(\s*()", query)
        return [f"PromQL warning: quantile value should be between 0 and 1, got {first.val:g} (1:{where})"]
    return []


def _column(pattern: str, query: str) -> int:
    match = re.search(pattern, query)
    return match.end() + 1 if match else 1
