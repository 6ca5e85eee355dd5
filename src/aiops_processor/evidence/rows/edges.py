"""Calls between services, as meshes and tracing count them: who calls whom, and the time that the way takes. Pure.

Sources: Grafana Tempo's and OpenTelemetry's service graphs, Istio's standard metrics, Linkerd's proxy metrics.
"""

from collections.abc import Mapping
from typing import Literal

PAIRS = (
    ("client", "server"),  # Tempo, OpenTelemetry Collector
    ("source_workload", "destination_workload"),
    ("source_canonical_service", "destination_canonical_service"),
    ("source_app", "destination_app"),
    ("deployment", "dst_deployment"),  # Linkerd, outbound
    ("statefulset", "dst_statefulset"),
    ("deployment", "dst_statefulset"),
    ("statefulset", "dst_deployment"),
    ("deployment", "dst_service"),
)
"""Labels that name caller and callee, the first pair that is there."""

LABELS = tuple(dict.fromkeys([*(name for pair in PAIRS for name in pair), "reporter", "direction"]))

SERVICE_GRAPH = (
    "traces_service_graph_request_total|traces_service_graph_request_failed_total"
    "|traces_service_graph_request_(client|server)_seconds_(sum|count)"
)
"""The metrics of a service graph, which lie where it is made, not where the services are."""
SERVICE_GRAPH_TOTAL = "traces_service_graph_request_total"

_NOBODY = frozenset({"", "unknown", "-"})

View = Literal["client", "server", ""]


def edge_of(labels: Mapping[str, str]) -> tuple[str, str] | None:
    """(caller, callee) of a series that counts calls between two services, None for every other."""
    for caller, callee in PAIRS:
        if caller in labels and callee in labels:
            pair = labels[caller], labels[callee]
            return pair if not _NOBODY & set(pair) and pair[0] != pair[1] else None
    return None


def view_of(metric: str, labels: Mapping[str, str]) -> View:
    """Which of the two measured it: Istio says it in a label, Linkerd too, the others in the name."""
    reporter = labels.get("reporter") or labels.get("direction") or ""
    if reporter in ("source", "outbound"):
        return "client"
    if reporter in ("destination", "inbound"):
        return "server"
    parts = metric.split("_")
    return "client" if "client" in parts else "server" if "server" in parts else ""


def other_view(family: str) -> str:
    """The family in which the callee measures what a family of the caller's measures."""
    return "_".join("server" if part == "client" else part for part in family.split("_"))
