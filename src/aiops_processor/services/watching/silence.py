"""What is told when a Watchdog is overdue, and when it is back. Pure."""

from datetime import datetime

from aiops_processor.models.alert import Alert, fingerprint
from aiops_processor.models.incident import Incident, IncidentState, title_of
from aiops_processor.models.notification import Message, Occasion
from aiops_processor.models.watchdog import Watchdog

NAME = "WatchdogOverdue"
SEVERITY = "critical"


def message(watchdog: Watchdog, occasion: Occasion, now: datetime) -> Message:
    """`opened` says that it is overdue, `resolved` that it is back. The channels are written for incidents."""
    over = occasion is Occasion.RESOLVED
    alert = _alert(watchdog, over=over, now=now)
    since = watchdog.overdue_since or watchdog.heard_at
    incident = Incident(
        id=-watchdog.id,
        title=title_of([alert]),
        severity=SEVERITY,
        state=IncidentState.RESOLVED if over else IncidentState.OPEN,
        source=watchdog.source,
        group_key="",
        reason="the Watchdog is overdue",
        opened_at=since,
        updated_at=now,
        resolved_at=now if over else None,
    )
    return Message(occasion=occasion, incident=incident, alerts=(alert,), sent_at=now)


def _alert(watchdog: Watchdog, *, over: bool, now: datetime) -> Alert:
    labels = {**watchdog.labels, "alertname": NAME, "severity": SEVERITY, "source": watchdog.source}
    heard = f"{watchdog.heard_at:%Y-%m-%d %H:%M:%S} UTC"
    silent = (
        f"Nothing has been heard of the Watchdog from {watchdog.source} since {heard}: alerts may not reach us. "
        "Look at Prometheus, at Alertmanager, and at the route from it to here."
    )
    back = f"The Watchdog from {watchdog.source} is heard of again, at {heard}."
    return Alert(
        status="resolved" if over else "firing",
        labels=labels,
        annotations={"summary": back if over else silent},
        starts_at=watchdog.overdue_since or watchdog.heard_at,
        ends_at=now if over else None,
        fingerprint=fingerprint(labels),
    )
