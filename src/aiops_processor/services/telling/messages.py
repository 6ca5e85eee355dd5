"""What is known of an incident, put together for somebody who is told of it or acts on it."""

from datetime import datetime

from aiops_processor.models.notification import Message, Occasion
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage.database import Connection

MOST_ALERTS = 200  # in one message: masking and sending all of a storm's thousands would hold up everything else


async def message_about(
    connection: Connection, incident_id: int, occasion: Occasion, external_url: str, now: datetime
) -> Message | None:
    """The incident as it is now, not masked; None where it is not stored any more."""
    incident = await incident_rows.get(connection, incident_id)
    if incident is None:
        return None
    episodes, more = await alert_rows.some_of_incident(connection, incident_id, MOST_ALERTS)
    if occasion is Occasion.JOINED:  # what came last is the news, and of a storm not among those that came first
        newest = await alert_rows.last_of_incident(connection, incident_id, 1)
        shown = {each.id: each for each in (*episodes, *newest)}
        more -= len(shown) - len(episodes)
        episodes = sorted(shown.values(), key=lambda each: each.id, reverse=True)
    evidence, analysis = await incident_rows.latest_analysis(connection, incident_id)
    base, page = external_url.rstrip("/"), incident.merged_into or incident_id  # there it goes on
    return Message(
        occasion=occasion,
        incident=incident,
        alerts=tuple(episode.alert for episode in episodes),
        more_alerts=more,
        analysis=analysis,
        evidence=evidence,
        url=f"{base}/incidents/{page}" if base else "",
        sent_at=now,
    )
