"""Metrics of our own, at /metrics beside the built-in ones."""

from prometheus_client import CollectorRegistry, Counter

from aiops_processor.plugins import Happening, plugin

REGISTRY = CollectorRegistry()
ANALYSED = Counter("shop_incidents_analysed", "Incidents that were analysed.", ["team"], registry=REGISTRY)


@plugin("on_event", registry=REGISTRY)
def team_metrics(event):
    if event.kind is Happening.ANALYSED:
        ANALYSED.labels(event.case.labels.get("team", "nobody")).inc()
