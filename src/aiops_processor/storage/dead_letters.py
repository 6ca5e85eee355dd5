"""What was posted and could not be taken: kept with the reason, once however often it is repeated."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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


async def count(connection: Connection) -> int:
    return (await connection.execute(sa.select(sa.func.count()).select_from(dead_letters))).scalar_one()


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
