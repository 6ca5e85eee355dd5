"""PromQL functions that make or change labels: label_replace, label_join, absent, absent_over_time."""

import re
from typing import Any

import numpy as np
import promql_parser as ast

from aiops_processor.demo.evaluation.calls import Call, Function
from aiops_processor.demo.evaluation.vectors import Bools, ExecutionError, Vector, distinct, found, one_series
from aiops_processor.demo.go_regex import BadRegex, compiled, expanded
from aiops_processor.demo.labels import NAME, Labels, labels_of, value_of

LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def _label_replace(call: Call) -> Vector:
    target, replacement, source, pattern = (call.text(position) for position in range(1, 5))
    try:
        regex = compiled(pattern)
    except BadRegex as error:
        raise ExecutionError(f"invalid regular expression in label_replace(): {pattern}") from error
    _check(target, "label_replace", "destination")

    def change(labels: Labels) -> Labels:
        match = regex.fullmatch(value_of(labels, source))
        return labels if match is None else _set(labels, target, expanded(replacement, match))

    return distinct(call.vector().relabelled(change))


def _label_join(call: Call) -> Vector:
    target, separator, *sources = (call.text(position) for position in range(1, len(call.arguments)))
    for source in sources:
        _check(source, "label_join", "source")
    _check(target, "label_join", "destination")

    def change(labels: Labels) -> Labels:
        return _set(labels, target, separator.join(value_of(labels, source) for source in sources))

    return distinct(call.vector().relabelled(change))


def _check(name: str, function: str, role: str) -> None:
    if not LABEL_NAME.fullmatch(name):
        raise ExecutionError(f"invalid {role} label name in {function}(): {name}")


def _set(labels: Labels, name: str, value: str) -> Labels:
    return labels_of({**dict(labels), name: value})


def _absent(call: Call) -> Vector:
    return _where_none(call, call.vector().present)


def _absent_over_time(call: Call) -> Vector:
    return _where_none(call, call.samples().counts > 0)


def _where_none(call: Call, present: Bools) -> Vector:
    absent = np.logical_not(present.sum(axis=0))
    return found(one_series(_wanted(call.nodes[0]), np.ones(len(call.steps)), absent))


def _wanted(node: Any) -> Labels:
    """The labels that a selector asks for by equality, each once: what the absent series would have had."""
    selector = node.vector_selector if isinstance(node, ast.MatrixSelector) else node
    if not isinstance(selector, ast.VectorSelector):
        return ()
    wanted: dict[str, str] = {}
    unclear: set[str] = set()
    for matcher in selector.matchers.matchers:
        if matcher.name == NAME:
            continue
        if matcher.op == ast.MatchOp.Equal and matcher.name not in wanted:
            wanted[matcher.name] = matcher.value
        else:
            unclear.add(matcher.name)
    return labels_of({name: value for name, value in wanted.items() if name not in unclear})


LABEL_FUNCTIONS: dict[str, Function] = {
    "absent": _absent,
    "absent_over_time": _absent_over_time,
    "label_join": _label_join,
    "label_replace": _label_replace,
}
