"""Changes that were posted to us."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from aiops_processor.models.change import PostedChange
from aiops_processor.storage.alerts import insert
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import changes

_FIELDS = tuple(name for name in PostedChange.model_fields if name in changes.c)


async def keep(connection: Connection, posted: Sequence[PostedChange], now: datetime) -> None:
    """Store each once, however often it is posted."""
    if posted:
        statement = insert(connection, changes).on_conflict_do_nothing(index_elements=["key"])
        await connection.execute(statement, [_row(each, now) for each in posted])


async def between(connection: Connection, start: datetime, end: datetime, most: int) -> list[PostedChange]:
    """Those of that time, both ends included, oldest first; of too many the newest."""
    rows = await connection.execute(
        sa.select(changes)
        .where(changes.c.at >= start, changes.c.at <= end)
        .order_by(changes.c.at.desc(), changes.c.id.desc())
        .limit(most)
    )
    return [_change(row) for row in reversed(rows.all())]


async def recent(connection: Connection, limit: int) -> list[PostedChange]:
    """The newest by when they happened, newest first."""
    rows = await connection.execute(sa.select(changes).order_by(changes.c.at.desc(), changes.c.id.desc()).limit(limit))
    return [_change(row) for row in rows]


def _row(change: PostedChange, now: datetime) -> dict[str, Any]:
    return {**{name: getattr(change, name) for name in _FIELDS}, "key": _key(change), "received_at": now}


def _key(change: PostedChange) -> str:
    """The same change posted again has the same: GitHub and Argo CD repeat what they got no answer to."""
    return hashlib.sha256(msgspec.json.encode(change.model_dump(mode="json", include=set(_FIELDS)))).hexdigest()


def _change(row: sa.Row[Any]) -> PostedChange:
    told = {name: getattr(row, name) for name in _FIELDS}
    return PostedChange(**told, reference=f"/api/v1/changes: {row.source} {row.id}")
