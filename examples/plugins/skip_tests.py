"""Alerts of test environments make no incident."""

from aiops_processor.plugins import plugin


@plugin("filter")
def skip_tests(alert, now):
    return "test environment" if alert.labels.get("environment") == "test" else None
