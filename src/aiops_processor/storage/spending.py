"""Every question to a model, its answer, and what they cost."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from aiops_processor.models.analysis import Exchange, Spent
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import exchanges


async def save(connection: Connection, incident_id: int, generation: int, asked: Sequence[Exchange]) -> None:
    """Keep what was asked in one generation of an incident."""
    for each in asked:
        await connection.execute(
            sa.insert(exchanges).values(
                incident_id=incident_id,
                generation=generation,
                at=each.at,
                requests=0 if each.remembered else each.requests,
                tokens=each.input_tokens + each.output_tokens,
                usd=each.cost_usd or 0.0,
                exchange=each.model_dump(mode="json"),
            )
        )


async def asked(connection: Connection, incident_id: int) -> list[Exchange]:
    """All questions of an incident, oldest first."""
    rows = await connection.execute(
        sa.select(exchanges.c.exchange).where(exchanges.c.incident_id == incident_id).order_by(exchanges.c.id)
    )
    return [Exchange.model_validate(row.exchange) for row in rows]


async def of_incident(connection: Connection, incident_id: int) -> Spent:
    """What an incident has cost so far."""
    return await _sum(connection, exchanges.c.incident_id == incident_id)


async def since(connection: Connection, start: datetime) -> Spent:
    """What all incidents have cost since then."""
    return await _sum(connection, exchanges.c.at >= start)


async def _sum(connection: Connection, which: sa.ColumnElement[bool]) -> Spent:
    row = (
        await connection.execute(
            sa.select(
                sa.func.coalesce(sa.func.sum(exchanges.c.requests), 0),
                sa.func.coalesce(sa.func.sum(exchanges.c.tokens), 0),
                sa.func.coalesce(sa.func.sum(exchanges.c.usd), 0.0),
            ).where(exchanges.c.requests > 0, which)
        )
    ).one()
    return Spent(calls=int(row[0]), tokens=int(row[1]), usd=float(row[2]))
