"""What was posted and could not be taken: kept with the reason, once however often it is repeated."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from aiops_processor.storage.alerts import insert
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import dead_letters

MOST_BYTES = 1024 * 1024  # of a larger body the head is kept


@dataclass(frozen=True)
class DeadLetter:
    """A body, or one alert of it as a webhook of its own, with the reason it was not taken."""

    source: str
    reason: str
    body: bytes
    at: datetime

    @property
    def key(self) -> str:
        return hashlib.sha256(self.source.encode() + b"\0" + self.body[:MOST_BYTES]).hexdigest()


async def keep(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Store each, or count the repeat of one that is known."""
    if not letters:
        return
    statement = insert(connection, dead_letters)
    statement = statement.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "last_at": statement.excluded.last_at,
            "reason": statement.excluded.reason,
            "repeats": dead_letters.c.repeats + 1,
        },
    )
    await connection.execute(statement, [_row(letter) for letter in letters])


@dataclass(frozen=True)
class KeptLetter(DeadLetter):
    """A dead letter as it is stored. `at` is when it last came; `size` that of the body that is kept, in bytes."""

    id: int
    first_at: datetime
    repeats: int
    size: int


async def recent(connection: Connection, limit: int, before: int | None = None) -> list[KeptLetter]:
    """Dead letters without their bodies, newest first; `before` is the id where the last page ended."""
    statement = sa.select(*_WITHOUT_BODY).order_by(dead_letters.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(dead_letters.c.id < before)
    return [_kept(row, b"") for row in await connection.execute(statement)]


async def get(connection: Connection, letter_id: int) -> KeptLetter | None:
    """One dead letter with its body."""
    statement = sa.select(*_WITHOUT_BODY, dead_letters.c.body).where(dead_letters.c.id == letter_id)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _kept(row, row.body)


async def drop(connection: Connection, letter_id: int) -> bool:
    """Delete one; False where there is no such one."""
    result = await connection.execute(sa.delete(dead_letters).where(dead_letters.c.id == letter_id))
    return result.rowcount > 0


async def count(connection: Connection) -> int:
    return (await connection.execute(sa.select(sa.func.count()).select_from(dead_letters))).scalar_one()


_WITHOUT_BODY = (
    *(column for column in dead_letters.c if column.name not in {"body", "key"}),
    sa.func.length(dead_letters.c.body).label("size"),
)


def _kept(row: sa.Row[*tuple[Any, ...]], body: bytes) -> KeptLetter:
    return KeptLetter(
        source=row.source,
        reason=row.reason,
        body=body,
        at=row.last_at,
        id=row.id,
        first_at=row.first_at,
        repeats=row.repeats,
        size=row.size,
    )


def _row(letter: DeadLetter) -> dict[str, object]:
    return {
        "key": letter.key,
        "source": letter.source,
        "reason": letter.reason,
        "body": letter.body[:MOST_BYTES],
        "first_at": letter.at,
        "last_at": letter.at,
        "repeats": 0,
    }
