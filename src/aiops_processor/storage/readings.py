"""What is needed to tell which alerts of Prometheus never reached us."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from aiops_processor.models.incident import Episode
from aiops_processor.storage.alerts import episode, insert
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import alert_names, episodes, readings

MOST_EPISODES = 5000


async def note_names(connection: Connection, names: Collection[tuple[str, str]], now: datetime) -> None:
    """Remember that alerts of these names (source, name) reached us."""
    if names:
        statement = insert(connection, alert_names)
        statement = statement.on_conflict_do_update(
            index_elements=["source", "name"], set_={"last_at": statement.excluded.last_at}
        )
        rows = [{"source": source, "name": name, "last_at": now} for source, name in sorted(names)]
        await connection.execute(statement, rows)


async def known_names(connection: Connection, source: str, names: Collection[str]) -> set[str]:
    """Those of the names that reached us from this source before."""
    found: set[str] = set()
    for name in names:  # few: the alerts that ended in one minute
        same = (alert_names.c.source == source) & (alert_names.c.name == name)
        if (await connection.execute(sa.select(alert_names.c.last_at).where(same))).first():
            found.add(name)
    return found


async def read_until(connection: Connection, source: str) -> datetime | None:
    """Up to when Prometheus' ALERTS have been read, None where never."""
    return (
        await connection.execute(sa.select(readings.c.read_until).where(readings.c.source == source))
    ).scalar_one_or_none()


async def set_read_until(connection: Connection, source: str, until: datetime) -> None:
    statement = insert(connection, readings).values(source=source, read_until=until)
    await connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_={"read_until": until}))


async def fired_between(connection: Connection, source: str, first: datetime, last: datetime) -> list[Episode]:
    """The episodes of a source that fired at some time between these two."""
    rows = await connection.execute(
        sa.select(episodes)
        .where(
            episodes.c.source == source,
            episodes.c.starts_at <= last,
            episodes.c.ended_at.is_(None) | (episodes.c.ended_at >= first),
        )
        .order_by(episodes.c.id.desc())
        .limit(MOST_EPISODES)
    )
    return [episode(row) for row in rows]
