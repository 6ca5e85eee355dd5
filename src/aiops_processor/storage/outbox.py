"""What has to be told to whom: rows that outlive the process."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any, Literal

import sqlalchemy as sa

from aiops_processor.models.notification import Delivery, DeliveryState, Occasion, Receipt
from aiops_processor.storage.alerts import insert
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import incidents, outbox

MOST_OF_A_CHANNEL = 8  # at work at a time, of all processes: a quarter of what one does at once


async def put(
    connection: Connection,
    incident_id: int,
    channels: Iterable[str],
    occasion: Occasion,
    revision: int,
    now: datetime,
) -> None:
    """One row a channel. The key names the message, so that putting it twice leaves one row."""
    await _put(connection, "incident", incident_id, channels, occasion, revision, now)


async def put_watchdog(
    connection: Connection, watchdog_id: int, channels: Iterable[str], occasion: Occasion, silence: int, now: datetime
) -> None:
    """The same about a Watchdog: `opened` says that it is overdue, `resolved` that it is back."""
    await _put(connection, "watchdog", watchdog_id, channels, occasion, silence, now)


async def _put(
    connection: Connection,
    about: Literal["incident", "watchdog"],
    number: int,
    channels: Iterable[str],
    occasion: Occasion,
    revision: int,
    now: datetime,
) -> None:
    rows = [
        {
            "key": f"{about}-{number}-{occasion}-{revision}-{channel}",
            f"{about}_id": number,
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

    What is about the most urgent incidents comes first, a silent Watchdog before all of them: it may be that nothing
    arrives any more. What waits behind an earlier message about the same is left, and so is what its channel has no
    place for. Several processes may claim at once; each delivery goes to one of them.
    """
    rows = await connection.execute(_claim(), {"now": now, "lease_until": lease_until, "most": limit})
    return [_delivery(row) for row in rows.all()]


async def pull_in(connection: Connection, latest: datetime, now: datetime) -> bool:
    """What is due later than anything can be is due now: the clock was set back. True where there was any."""
    late = _pending() & (outbox.c.next_try_at > latest)
    return (await connection.execute(sa.update(outbox).where(late).values(next_try_at=now))).rowcount > 0


async def in_flight(connection: Connection) -> list[Delivery]:
    """Claimed and not finished: by a process that works on it, or that died."""
    rows = await connection.execute(sa.select(outbox).where(_pending() & (outbox.c.attempts > 0)))
    return [_delivery(row) for row in rows]


async def next_due(connection: Connection, now: datetime) -> datetime | None:
    """When the next one can be claimed; what waits for the end of another is started by that end."""
    return (await connection.execute(_next_due(), {"now": now})).scalar_one()


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
            sending=False,
            claimed=False,
        )
    )


async def begin(connection: Connection, delivery_id: int) -> None:
    """A request that must not be repeated begins now."""
    await connection.execute(sa.update(outbox).where(outbox.c.id == delivery_id).values(sending=True))


async def again(connection: Connection, delivery_id: int, now: datetime) -> bool:
    """Tell it once more, because somebody asked; False unless it has failed or its end is unknown."""
    over = outbox.c.state.in_([DeliveryState.FAILED, DeliveryState.UNKNOWN])
    result = await connection.execute(
        sa.update(outbox)
        .where(outbox.c.id == delivery_id, over)
        .values(state=DeliveryState.PENDING, next_try_at=now, sending=False)
    )
    return result.rowcount > 0


async def recent(
    connection: Connection, limit: int, before: int | None = None, state: DeliveryState | None = None
) -> list[Delivery]:
    """Deliveries, newest first; `before` is the id where the last page ended."""
    statement = sa.select(outbox).order_by(outbox.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(outbox.c.id < before)
    if state is not None:
        statement = statement.where(outbox.c.state == state)
    return [_delivery(row) for row in await connection.execute(statement)]


async def told(connection: Connection, incident_id: int) -> list[str]:
    """The channels that were told something of this incident."""
    sent = outbox.c.state == DeliveryState.SENT
    names = sa.select(outbox.c.channel).where(outbox.c.incident_id == incident_id, sent).distinct()
    return sorted((await connection.execute(names)).scalars())


async def telling(connection: Connection, incident_id: int) -> list[str]:
    """The same with those that are about to be: what is put for them now is told after that."""
    known = outbox.c.state.in_([DeliveryState.SENT, DeliveryState.PENDING])
    names = sa.select(outbox.c.channel).where(outbox.c.incident_id == incident_id, known).distinct()
    return sorted((await connection.execute(names)).scalars())


async def any_held(connection: Connection, now: datetime) -> bool:
    """Whether quiet hours held something back that may be told now."""
    return (await connection.execute(sa.select(sa.select(outbox.c.id).where(_released(now)).exists()))).scalar_one()


async def release(connection: Connection, now: datetime) -> None:
    """What quiet hours held back until now is due."""
    await connection.execute(sa.update(outbox).where(_released(now)).values(state=DeliveryState.PENDING))


async def last_receipt(connection: Connection, delivery: Delivery) -> Receipt | None:
    """What the channel gave back for its last message about the same incident or Watchdog."""
    same = (
        outbox.c.incident_id == delivery.incident_id
        if delivery.incident_id is not None
        else outbox.c.watchdog_id == delivery.watchdog_id
    )
    stored = await connection.execute(
        sa.select(outbox.c.receipt)
        .where(same, outbox.c.channel == delivery.channel, outbox.c.state == DeliveryState.SENT)
        .order_by(outbox.c.id.desc())
        .limit(1)
    )
    receipt = stored.scalar_one_or_none()
    return None if receipt is None else Receipt.model_validate(receipt)


async def has_told(connection: Connection, delivery: Delivery) -> bool:
    """Whether this channel was told the same occasion of the same incident before, in an older revision."""
    older = sa.select(outbox.c.id).where(
        outbox.c.incident_id == delivery.incident_id,
        outbox.c.channel == delivery.channel,
        outbox.c.occasion == delivery.occasion,
        outbox.c.revision < delivery.revision,
        outbox.c.state == DeliveryState.SENT,
    )
    return (await connection.execute(sa.select(older.exists()))).scalar_one()


async def of_incident(connection: Connection, incident_id: int) -> list[Delivery]:
    rows = await connection.execute(sa.select(outbox).where(outbox.c.incident_id == incident_id).order_by(outbox.c.id))
    return [_delivery(row) for row in rows]


async def pending(connection: Connection) -> int:
    return (await connection.execute(sa.select(sa.func.count()).select_from(outbox).where(_pending()))).scalar_one()


@cache  # asked several times a second: to put such a statement together costs more than to answer it
def _claim() -> sa.Executable:
    places = _places()
    due = (
        sa.select(outbox.c.id)
        .join(places, places.c.id == outbox.c.id)
        .where(_pending() & (outbox.c.next_try_at <= sa.bindparam("now")), places.c.place <= MOST_OF_A_CHANNEL)
        .order_by(*_urgency())
        .limit(sa.bindparam("most"))
        .with_for_update(skip_locked=True, of=outbox)
        .cte()  # as a plain subquery PostgreSQL may run it more than once, and lock more than it updates
    )
    return (
        sa.update(outbox)
        .where(outbox.c.id.in_(sa.select(due.c.id)))
        .values(attempts=outbox.c.attempts + 1, next_try_at=sa.bindparam("lease_until"), claimed=True)
        .returning(*outbox.c)
    )


@cache
def _next_due() -> sa.Select[Any]:
    places = _places()
    return sa.select(sa.func.min(places.c.next_try_at)).where(places.c.place <= MOST_OF_A_CHANNEL)


def _places() -> sa.Subquery:
    """What could be claimed `now`, each with its place in the queue of its channel, behind what the channel works on.

    A channel that hangs holds its places for as long as a try may take; the others have theirs.
    """
    works = _pending() & outbox.c.claimed & (outbox.c.next_try_at > sa.bindparam("now"))
    busy = sa.select(outbox.c.channel, sa.func.count().label("rows")).where(works).group_by(outbox.c.channel).subquery()
    waits = sa.func.row_number().over(partition_by=outbox.c.channel, order_by=_urgency())
    return (
        sa.select(outbox.c.id, outbox.c.next_try_at, (waits + sa.func.coalesce(busy.c.rows, 0)).label("place"))
        .outerjoin(busy, busy.c.channel == outbox.c.channel)
        .where(_pending() & ~works & _first_of_its_kind())
        .subquery()
    )


def _urgency() -> tuple[sa.ColumnElement[Any], ...]:
    priority = sa.select(incidents.c.priority).where(incidents.c.id == outbox.c.incident_id).scalar_subquery()
    return outbox.c.incident_id.is_not(None), priority, outbox.c.id


def _first_of_its_kind() -> sa.ColumnElement[bool]:
    """No earlier message about the same incident or Watchdog is on its way to the same channel."""
    earlier = outbox.alias()
    same = (earlier.c.incident_id == outbox.c.incident_id) | (earlier.c.watchdog_id == outbox.c.watchdog_id)
    on_its_way = (earlier.c.channel == outbox.c.channel) & (earlier.c.state == DeliveryState.PENDING)
    return ~sa.exists().where(same, on_its_way, earlier.c.id < outbox.c.id)


def _released(now: datetime) -> sa.ColumnElement[bool]:
    return (outbox.c.state == DeliveryState.HELD) & (outbox.c.next_try_at <= now)


def _pending() -> sa.ColumnElement[bool]:
    return outbox.c.state == DeliveryState.PENDING


def _delivery(row: sa.Row[*tuple[Any, ...]]) -> Delivery:
    return Delivery(
        id=row.id,
        key=row.key,
        incident_id=row.incident_id,
        watchdog_id=row.watchdog_id,
        channel=row.channel,
        occasion=row.occasion,
        revision=row.revision,
        state=row.state,
        attempts=row.attempts,
        next_try_at=row.next_try_at,
        error=row.error,
        receipt=None if row.receipt is None else Receipt.model_validate(row.receipt),
        sending=row.sending,
    )
