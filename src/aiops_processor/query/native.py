"""PromQL about classic histograms, asked of native ones. Pure.

Source: https://prometheus.io/docs/specs/native_histograms/#histogram-functions and #operators: what is made of
`x_bucket` by `sum by (le, …)` and `histogram_quantile` is made of `x` by the same text, which has no label `le`.
"""

from collections.abc import Collection

import promql_parser as ast

from aiops_processor.query.syntax import alternatives, parse, render, rewrite, selector_text, written

_PARTS = {"_count": "histogram_count", "_sum": "histogram_sum"}
_OVER_RANGES = frozenset({"rate", "increase", "delta"})
"""Functions that make a histogram of histograms; of others count and sum could not be taken afterwards."""


def of_native(expr: str, native: Collection[str]) -> str:
    """The expression with `x_bucket`, `x_count` and `x_sum` read from `x`, for those `x` that are native histograms.

    What picks one bucket (`le="0.5"`) stays as it is, and so does what native histograms cannot be asked for. Raises
    QueryError.
    """

    def write(node: ast.VectorSelector, range_seconds: float | None) -> str:
        del range_seconds
        name = _family(node, native)
        return written(name, alternatives(node)) if name else selector_text(node)

    def wrap(node: ast.Expr, text: str) -> str:
        if _loses_part(node):
            return render(node)
        found = _read(node)
        if found is None or not _family(found, native):
            return text
        part = next((function for suffix, function in _PARTS.items() if (found.name or "").endswith(suffix)), "")
        return f"{part}({text})" if part else text

    return rewrite(parse(expr), write, wrap)


def _family(node: ast.VectorSelector, native: Collection[str]) -> str:
    """The native histogram that the selector would read a part of, "" where there is none."""
    name = node.name or ""
    family = next((name.removesuffix(end) for end in ("_bucket", *_PARTS) if name.endswith(end)), "")
    return (
        family
        if family in native and not any(label == "le" for each in alternatives(node) for label, _, _ in each)
        else ""
    )


def _loses_part(node: ast.Expr) -> bool:
    """Whether this makes something of counts or sums that could not be made of whole histograms."""
    if not isinstance(node, ast.Call) or node.func.name in _OVER_RANGES:
        return False
    ranges = (each.vector_selector.name or "" for each in node.args if isinstance(each, ast.MatrixSelector))
    return any(name.endswith(tuple(_PARTS)) for name in ranges)


def _read(node: ast.Expr) -> ast.VectorSelector | None:
    """The selector whose samples this gives, per second or as they are."""
    match node:
        case ast.VectorSelector():
            return node
        case ast.Call() if node.func.name in _OVER_RANGES and isinstance(node.args[0], ast.MatrixSelector):
            return node.args[0].vector_selector
        case _:
            return None
