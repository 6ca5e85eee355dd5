"""What was sent to the providers of models in the last minute, by all processes together."""

from datetime import datetime

import sqlalchemy as sa

from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import sent_to_models


async def since(connection: Connection, provider: str, start: datetime) -> list[tuple[datetime, int, int]]:
    """(when, requests, tokens), oldest first."""
    rows = await connection.execute(
        sa.select(sent_to_models)
        .where(sent_to_models.c.provider == provider, sent_to_models.c.at > start)
        .order_by(sent_to_models.c.at)
    )
    return [(row.at, row.requests, row.tokens) for row in rows]


async def note(connection: Connection, provider: str, at: datetime, requests: int, tokens: int) -> None:
    await connection.execute(
        sa.insert(sent_to_models).values(provider=provider, at=at, requests=requests, tokens=tokens)
    )


async def forget(connection: Connection, before: datetime) -> None:
    """What no rate looks at any more."""
    await connection.execute(sa.delete(sent_to_models).where(sent_to_models.c.at <= before))
