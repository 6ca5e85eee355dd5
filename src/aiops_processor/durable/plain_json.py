"""How workflows keep what steps return."""

import json
from typing import Any

from dbos import Serializer


class WorkflowFailed(Exception):
    """A workflow ended in an error, as it was stored: the type's name and the message."""


class JsonSerializer(Serializer):
    """Plain JSON: readable in the database, and loading it runs no code, as DBOS's default (pickle) would."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=_plain)

    def deserialize(self, serialized_data: str) -> Any:  # type: ignore[override] - the library names its self `cls`
        data = json.loads(serialized_data)
        if isinstance(data, dict) and "$error" in data:
            return WorkflowFailed(f"{data['$error']}: {data['message']}")
        return data

    def name(self) -> str:
        return "aiops_json"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseException):
        return {"$error": type(value).__name__, "message": str(value)}
    raise TypeError(f"a step returned {type(value).__name__}; only plain JSON is kept")
