"""Answers of models that were received and paid for, until the analysis is saved that they belong to."""

from collections.abc import Sequence

import sqlalchemy as sa

from aiops_processor.plugins import Answer
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import received_answers


async def keep(connection: Connection, incident_id: int, generation: int, question: str, answer: Answer) -> None:
    """`question` is the hash of what was asked."""
    await connection.execute(
        sa.insert(received_answers).values(
            incident_id=incident_id, generation=generation, question=question, answer=answer.model_dump(mode="json")
        )
    )


async def of_analysis(connection: Connection, incident_id: int, generation: int) -> Sequence[tuple[str, Answer]]:
    """What was asked and the answer, oldest first."""
    rows = await connection.execute(
        sa.select(received_answers.c.question, received_answers.c.answer)
        .where(_of(incident_id, generation))
        .order_by(received_answers.c.id)
    )
    return [(row.question, Answer.model_validate(row.answer)) for row in rows]


async def forget(connection: Connection, incident_id: int, generation: int) -> None:
    """The analysis is saved, and its answers with it."""
    await connection.execute(sa.delete(received_answers).where(_of(incident_id, generation)))


def _of(incident_id: int, generation: int) -> sa.ColumnElement[bool]:
    return (received_answers.c.incident_id == incident_id) & (received_answers.c.generation == generation)
