"""How workflows keep what steps return."""

import json
from typing import Any

from dbos import Serializer

from aiops_processor.errors import AiopsError


class WorkflowFailed(Exception):
    """A workflow ended in an error, as it was stored: what `reason` said of it."""


class JsonSerializer(Serializer):
    """Plain JSON: readable in the database, and loading it runs no code, as DBOS's default (pickle) would."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=_plain)

    def deserialize(self, serialized_data: str) -> Any:  # type: ignore[override] - the library names its self `cls`
        data = json.loads(serialized_data)
        if isinstance(data, dict) and "$error" in data:
            return WorkflowFailed(data["$error"])
        return data

    def name(self) -> str:
        return "aiops_json"


def reason(error: BaseException) -> str:
    """What may be kept and shown of an error. What others' errors say may hold a secret: the log has it, masked."""
    if isinstance(error, WorkflowFailed):
        return str(error)
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, AiopsError) else f"{name}; the log of the service says more"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseException):
        return {"$error": reason(value)}
    raise TypeError(f"a step returned {type(value).__name__}; only plain JSON is kept")
