"""What incidents were about, and what people said of their analyses: how alike ones are found again."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from aiops_processor.models.past import Feedback, GivenFeedback
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import feedback, incidents, storable_key, traits

MOST_LOOKED_AT = 200


class Trait(NamedTuple):
    """One thing that an incident was about: `kind` is rule, entity or template."""

    kind: str
    value: str


async def keep_traits(connection: Connection, incident_id: int, found: Iterable[Trait]) -> None:
    """What an incident is about, in place of what was kept before."""
    await connection.execute(sa.delete(traits).where(traits.c.incident_id == incident_id))
    rows = [{"incident_id": incident_id, "kind": kind, "value": value} for kind, value in dict.fromkeys(found)]
    if rows:
        await connection.execute(sa.insert(traits), rows)


async def sharing(
    connection: Connection, incident_id: int, found: Sequence[Trait], before: datetime
) -> Mapping[int, frozenset[Trait]]:
    """All traits of older incidents that share any of these: the newest of them, by incident."""
    if not found:
        return {}
    keys = [(kind, storable_key(value)) for kind, value in found]
    one_of = sa.or_(*((traits.c.kind == kind) & (traits.c.value == value) for kind, value in keys))
    older = (incidents.c.id != incident_id) & (incidents.c.opened_at < before) & incidents.c.merged_into.is_(None)
    ids = (
        sa.select(traits.c.incident_id)
        .distinct()
        .join(incidents, incidents.c.id == traits.c.incident_id)
        .where(one_of, older)
        .order_by(traits.c.incident_id.desc())
        .limit(MOST_LOOKED_AT)
    )
    rows = await connection.execute(sa.select(traits).where(traits.c.incident_id.in_(ids)))
    by_incident: dict[int, set[Trait]] = defaultdict(set)
    for row in rows:
        by_incident[row.incident_id].add(Trait(row.kind, row.value))
    return {number: frozenset(each) for number, each in by_incident.items()}


async def give(connection: Connection, incident_id: int, said: Feedback, now: datetime) -> None:
    """Keep what somebody said; whoever changes their mind says it again."""
    await connection.execute(sa.insert(feedback).values(incident_id=incident_id, at=now, **said.model_dump()))


async def given(connection: Connection, incident_id: int) -> list[GivenFeedback]:
    """What people said of an incident's analysis, oldest first."""
    rows = await connection.execute(
        sa.select(feedback).where(feedback.c.incident_id == incident_id).order_by(feedback.c.id)
    )
    return [GivenFeedback(said=row.said, cause=row.cause, by=row.by, at=row.at) for row in rows]
