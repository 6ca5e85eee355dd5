"""Batch jobs are slow to go wrong: compare with six hours before, not with fifteen minutes."""

from datetime import timedelta

from aiops_processor.models.evidence import Window
from aiops_processor.plugins import plugin


@plugin("window")
def batch_window(alert, now):
    if alert.labels.get("component") != "batch":
        return None
    onset = min(alert.starts_at, now)
    return Window(start=onset - timedelta(hours=6), onset=onset, end=now)
