"""Incidents that fire and that nobody looks after."""

from datetime import datetime

import sqlalchemy as sa

from aiops_processor.models.incident import Incident
from aiops_processor.models.notification import DeliveryState, Occasion
from aiops_processor.storage.database import Connection
from aiops_processor.storage.incidents import incident_of
from aiops_processor.storage.tables import incidents, outbox


async def unattended(connection: Connection, before: datetime, limit: int) -> list[Incident]:
    """Those that fire since before then and that nobody has acknowledged, the newest first; none made by hand."""
    still = incidents.c.resolved_at.is_(None) & incidents.c.merged_into.is_(None)
    open_ = still & (incidents.c.opened_at <= before)
    nobodys = incidents.c.acknowledged_at.is_(None) & incidents.c.manual.is_(sa.false())
    rows = await connection.execute(
        sa.select(incidents).where(open_, nobodys).order_by(incidents.c.id.desc()).limit(limit)
    )
    return [incident_of(row) for row in rows]


async def reminded(connection: Connection, incident_id: int, channel: str, number: int) -> bool:
    """Whether this reminder, or a later one, was put already, or an earlier one is still on its way."""
    same = sa.select(outbox.c.id).where(
        outbox.c.incident_id == incident_id,
        outbox.c.channel == channel,
        outbox.c.occasion == Occasion.REMINDED,
        (outbox.c.revision >= number) | (outbox.c.state == DeliveryState.PENDING),
    )
    return (await connection.execute(sa.select(same.exists()))).scalar_one()
