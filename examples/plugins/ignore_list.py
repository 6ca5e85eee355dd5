"""Alerts that nobody wants to hear of."""

from aiops_processor.plugins import plugin

IGNORED = {"CertificateExpiresIn60Days", "NodeClockDrift"}


@plugin("filter")
def ignore_list(alert, now):
    return "on our ignore list" if alert.name in IGNORED else None
