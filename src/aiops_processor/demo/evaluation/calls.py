"""A function's call: its arguments for all steps, taken out by type."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiops_processor.demo.evaluation.dialect import Dialect
from aiops_processor.demo.evaluation.vectors import ExecutionError, Floats, Ints, Samples, Scalar, Text, Value, Vector


@dataclass(frozen=True, slots=True)
class Call:
    """`arguments` evaluated, `nodes` as parsed, `steps` in milliseconds."""

    arguments: list[Value]
    nodes: list[Any]
    steps: Ints
    dialect: Dialect

    def vector(self, position: int = 0) -> Vector:
        value = self.arguments[position]
        if not isinstance(value, Vector):
            raise ExecutionError(f"argument {position + 1} must be an instant vector")
        return value

    def samples(self, position: int = 0) -> Samples:
        value = self.arguments[position]
        if not isinstance(value, Samples):
            raise ExecutionError(f"argument {position + 1} must be a range vector")
        return value

    def scalar(self, position: int) -> Floats:
        value = self.arguments[position]
        if not isinstance(value, Scalar):
            raise ExecutionError(f"argument {position + 1} must be a scalar")
        return value.values

    def text(self, position: int) -> str:
        value = self.arguments[position]
        if not isinstance(value, Text):
            raise ExecutionError(f"argument {position + 1} must be a string")
        return value.value


Function = Callable[[Call], Value]
