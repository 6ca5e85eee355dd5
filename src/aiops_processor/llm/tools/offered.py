"""The tools as a model is told of them, and what it may pass to each."""

import json
from typing import Any, NamedTuple

from pydantic import Field, ValidationError

from aiops_processor.errors import QueryError
from aiops_processor.models.base import Frozen
from aiops_processor.plugins import Call, Tool


class QueryPrometheus(Frozen):
    """PromQL over the times compared; the answer is a finding (Q1) that you can cite."""

    query: str
    minutes_before: int = Field(default=0, ge=0, le=1440, description="begin so much earlier")


class QueryLoki(Frozen):
    """LogQL over the times compared: a selector and line filters only; the answer is a finding that you can cite."""

    query: str


class ListMetrics(Frozen):
    """The names of the metrics that the series of a selector have."""

    selector: str = Field(description='such as {service="checkout"}')


class SimilarIncidents(Frozen):
    """Past incidents like this one, and what people said of them: hypotheses, not findings."""


class Runbook(Frozen):
    """The runbook of an alert of this incident."""

    alert: str


class Wanted(NamedTuple):
    """A call that may be made."""

    name: str
    arguments: Frozen


_KINDS: dict[str, type[Frozen]] = {
    "query_prometheus": QueryPrometheus,
    "query_loki": QueryLoki,
    "list_metrics": ListMetrics,
    "similar_incidents": SimilarIncidents,
    "runbook": Runbook,
}


def tool(name: str) -> Tool:
    """A tool as a model is told of it."""
    kind = _KINDS[name]
    return Tool(name=name, about=(kind.__doc__ or "").strip(), parameters=_slim(kind.model_json_schema()))


def wanted(call: Call, offered: frozenset[str]) -> Wanted:
    """What a model asks for. Raises QueryError for what was not offered, or arguments that do not fit."""
    if call.tool not in offered:
        raise QueryError(f"there is no tool {call.tool[:40]!r}; known: {', '.join(sorted(offered))}")
    try:
        return Wanted(call.tool, _KINDS[call.tool].model_validate(json.loads(call.arguments or "{}")))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise QueryError(f"wrong arguments: {wrong[:200]}") from None
    except ValueError:
        raise QueryError("the arguments are not JSON") from None


def _slim(schema: dict[str, Any]) -> dict[str, Any]:
    """Without what pydantic adds and a prompt would pay for."""
    fields = {
        name: {
            key: value
            for key, value in about.items()
            if key in {"type", "description", "minimum", "maximum", "default"}
        }
        for name, about in schema.get("properties", {}).items()
    }
    return {"type": "object", "properties": fields, "required": schema.get("required", [])}
