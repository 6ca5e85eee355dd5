"""Incidents that customers feel are worked on before all others."""

from aiops_processor.plugins import plugin


@plugin("order")
def customers_first(case):
    return -10 if case.labels.get("tier") == "customer" else None
