"""What is to be done about incidents: rows that are written before anything is done, and outlive the process."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from aiops_processor.models.action import ActionOccasion, ActionRecord, ActionState
from aiops_processor.storage.alerts import insert
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import action_occasions, actions

OPEN = (ActionState.DUE, ActionState.RUNNING)


class Occurred(NamedTuple):
    """An incident was analysed, or is over; `revision` tells one time from the next."""

    id: int
    incident_id: int
    occasion: ActionOccasion
    revision: int


async def note(connection: Connection, incident_id: int, occasion: ActionOccasion, revision: int) -> None:
    """Have the actions of this occasion looked for."""
    values = {"incident_id": incident_id, "occasion": occasion, "revision": revision}
    await connection.execute(sa.insert(action_occasions).values(**values))


async def waits(connection: Connection, now: datetime) -> bool:
    """Whether there is anything to look for, or to do."""
    due = sa.select(actions.c.id).where(_due(now))
    return (await connection.execute(sa.select(sa.select(action_occasions.c.id).exists() | due.exists()))).scalar_one()


async def occasions(connection: Connection, most: int) -> list[Occurred]:
    """The oldest of them, in order."""
    rows = await connection.execute(sa.select(action_occasions).order_by(action_occasions.c.id).limit(most))
    return [Occurred(row.id, row.incident_id, ActionOccasion(row.occasion), row.revision) for row in rows]


async def take(connection: Connection, occasion_id: int) -> bool:
    """This one is looked at now; False where another process did that."""
    taken = sa.delete(action_occasions).where(action_occasions.c.id == occasion_id)
    return (await connection.execute(taken)).rowcount > 0


async def put(connection: Connection, record: ActionRecord) -> ActionRecord | None:
    """Insert it, its `id` ignored; None where its key is there already."""
    values = record.model_dump(exclude={"id"})
    made = insert(connection, actions).values(**values).on_conflict_do_nothing(index_elements=["key"])
    number = (await connection.execute(made.returning(actions.c.id))).scalar_one_or_none()
    return None if number is None else record.model_copy(update={"id": number})


async def claim(connection: Connection, now: datetime, lease_until: datetime, most: int) -> list[ActionRecord]:
    """Take what is due: each counts one more attempt, and is due again only when its lease has run out."""
    due = (
        sa.select(actions.c.id)
        .where(_due(now) & _first_of_its_name())
        .order_by(actions.c.id)
        .limit(most)
        .with_for_update(skip_locked=True, of=actions)
        .cte()
    )
    rows = await connection.execute(
        sa.update(actions)
        .where(actions.c.id.in_(sa.select(due.c.id)))
        .values(attempts=actions.c.attempts + 1, next_try_at=lease_until)
        .returning(*actions.c)
    )
    return [_record(row) for row in rows.all()]


async def release(connection: Connection, now: datetime, look_at: datetime) -> None:
    """Whoever worked on something is dead: it is due now, and what had begun is looked for then."""
    for state, at in ((ActionState.DUE, now), (ActionState.RUNNING, look_at)):
        claimed = (actions.c.state == state) & (actions.c.next_try_at > at)
        await connection.execute(sa.update(actions).where(claimed).values(next_try_at=at))


async def change(
    connection: Connection, action_id: int, still: Mapping[str, Any] | None = None, /, **values: Any
) -> bool:
    """Set these columns; False where others are not `still` as they were read: another process was here meanwhile."""
    unchanged = (actions.c[name] == value for name, value in (still or {}).items())
    result = await connection.execute(sa.update(actions).where(actions.c.id == action_id, *unchanged).values(**values))
    return result.rowcount > 0


async def latest_to_change(connection: Connection, incident_id: int, name: str) -> ActionRecord | None:
    """The newest of this name, as it stays until the end of this transaction."""
    row = await connection.execute(
        sa.select(actions)
        .where(actions.c.incident_id == incident_id, actions.c.name == name)
        .order_by(actions.c.id.desc())
        .limit(1)
        .with_for_update()
    )
    found = row.one_or_none()
    return None if found is None else _record(found)


async def waiting_of(connection: Connection, incident_id: int) -> list[ActionRecord]:
    """What waits for an approval."""
    return [each for each in await of_incident(connection, incident_id) if each.state is ActionState.WAITING]


async def of_incident(connection: Connection, incident_id: int) -> list[ActionRecord]:
    """All of an incident, oldest first."""
    rows = await connection.execute(
        sa.select(actions).where(actions.c.incident_id == incident_id).order_by(actions.c.id)
    )
    return [_record(row) for row in rows]


def _due(now: datetime) -> sa.ColumnElement[bool]:
    return actions.c.state.in_(OPEN) & (actions.c.next_try_at <= now)


def _first_of_its_name() -> sa.ColumnElement[bool]:
    """Nothing earlier of the same action is under way for the incident: a ticket is made before it is closed."""
    earlier = actions.alias()
    same = (earlier.c.incident_id == actions.c.incident_id) & (earlier.c.name == actions.c.name)
    return ~sa.exists().where(same, earlier.c.state.in_(OPEN), earlier.c.id < actions.c.id)


def _record(row: sa.Row[*tuple[Any, ...]]) -> ActionRecord:
    return ActionRecord.model_validate(dict(row._mapping))
