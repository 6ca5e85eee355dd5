"""What has to be told to whom: rows that outlive the process."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from aiops_processor.models.notification import Delivery, DeliveryState, Occasion, Receipt
from aiops_processor.storage.alerts import insert
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import outbox


async def put(
    connection: Connection,
    incident_id: int,
    channels: Iterable[str],
    occasion: Occasion,
    revision: int,
    now: datetime,
) -> None:
    """One row a channel. The key names the message, so that putting it twice leaves one row."""
    rows = [
        {
            "key": f"incident-{incident_id}-{occasion}-{revision}-{channel}",
            "incident_id": incident_id,
            "channel": channel,
            "occasion": occasion,
            "revision": revision,
            "state": DeliveryState.PENDING,
            "attempts": 0,
            "created_at": now,
            "next_try_at": now,
            "error": "",
        }
        for channel in channels
    ]
    if rows:
        await connection.execute(insert(connection, outbox).on_conflict_do_nothing(index_elements=["key"]), rows)


async def get(connection: Connection, delivery_id: int) -> Delivery | None:
    row = (await connection.execute(sa.select(outbox).where(outbox.c.id == delivery_id))).one_or_none()
    return None if row is None else _delivery(row)


async def claim(connection: Connection, now: datetime, lease_until: datetime, limit: int) -> list[Delivery]:
    """Take what is due: each counts one more attempt, and is due again only when its lease has run out.

    Several processes may claim at once; each delivery goes to one of them.
    """
    due = (
        sa.select(outbox.c.id)
        .where(_pending() & (outbox.c.next_try_at <= now))
        .order_by(outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte()  # as a plain subquery PostgreSQL may run it more than once, and lock more than it updates
    )
    rows = await connection.execute(
        sa.update(outbox)
        .where(outbox.c.id.in_(sa.select(due.c.id)))
        .values(attempts=outbox.c.attempts + 1, next_try_at=lease_until)
        .returning(*outbox.c)
    )
    return [_delivery(row) for row in rows.all()]


async def in_flight(connection: Connection) -> list[Delivery]:
    """Claimed and not finished: by a process that works on it, or that died."""
    rows = await connection.execute(sa.select(outbox).where(_pending() & (outbox.c.attempts > 0)))
    return [_delivery(row) for row in rows]


async def next_due(connection: Connection) -> datetime | None:
    return (await connection.execute(sa.select(sa.func.min(outbox.c.next_try_at)).where(_pending()))).scalar_one()


async def finish(
    connection: Connection,
    delivery_id: int,
    state: DeliveryState,
    *,
    receipt: Receipt | None = None,
    error: str = "",
    next_try_at: datetime | None = None,
) -> None:
    await connection.execute(
        sa.update(outbox)
        .where(outbox.c.id == delivery_id)
        .values(
            state=state,
            error=error,
            next_try_at=next_try_at,
            receipt=None if receipt is None else receipt.model_dump(mode="json"),
        )
    )


async def last_receipt(connection: Connection, incident_id: int, channel: str) -> Receipt | None:
    """What the channel gave back for the incident's last message there."""
    stored = await connection.execute(
        sa.select(outbox.c.receipt)
        .where(outbox.c.incident_id == incident_id, outbox.c.channel == channel, outbox.c.state == DeliveryState.SENT)
        .order_by(outbox.c.id.desc())
        .limit(1)
    )
    receipt = stored.scalar_one_or_none()
    return None if receipt is None else Receipt.model_validate(receipt)


async def of_incident(connection: Connection, incident_id: int) -> list[Delivery]:
    rows = await connection.execute(sa.select(outbox).where(outbox.c.incident_id == incident_id).order_by(outbox.c.id))
    return [_delivery(row) for row in rows]


async def pending(connection: Connection) -> int:
    return (await connection.execute(sa.select(sa.func.count()).select_from(outbox).where(_pending()))).scalar_one()


def _pending() -> sa.ColumnElement[bool]:
    return outbox.c.state == DeliveryState.PENDING


def _delivery(row: sa.Row[*tuple[Any, ...]]) -> Delivery:
    return Delivery(
        id=row.id,
        key=row.key,
        incident_id=row.incident_id,
        channel=row.channel,
        occasion=row.occasion,
        revision=row.revision,
        state=row.state,
        attempts=row.attempts,
        next_try_at=row.next_try_at,
        error=row.error,
        receipt=None if row.receipt is None else Receipt.model_validate(row.receipt),
    )
