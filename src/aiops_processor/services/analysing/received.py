"""The answers of one analysis, stored as they come: a kill before the analysis is saved does not pay for them again."""

from collections.abc import Sequence

import structlog

from aiops_processor.errors import StorageError
from aiops_processor.plugins import Answer
from aiops_processor.storage import answers
from aiops_processor.storage.database import Connection, Database

log = structlog.get_logger(__name__)


class Received:
    """Satisfies `llm.memory.Journal`. `left` are the answers that were stored when the analysis began."""

    def __init__(
        self, database: Database, incident_id: int, generation: int, left: Sequence[tuple[str, Answer]]
    ) -> None:
        self._database = database
        self._incident_id = incident_id
        self._generation = generation
        self._left = list(left)

    @classmethod
    async def of(cls, database: Database, connection: Connection, incident_id: int, generation: int) -> "Received":
        """With what an earlier try of this analysis was answered."""
        return cls(database, incident_id, generation, await answers.of_analysis(connection, incident_id, generation))

    def left(self, key: str) -> Answer | None:
        """The oldest stored answer to this question that was not given yet."""
        for place, (question, answer) in enumerate(self._left):
            if question == key:
                del self._left[place]
                return answer
        return None

    async def keep(self, key: str, answer: Answer) -> None:
        """Store it in a transaction of its own; where the store is away it is only logged."""
        try:
            async with self._database.write() as connection:
                await answers.keep(connection, self._incident_id, self._generation, key, answer)
        except StorageError as error:
            log.warning("an answer could not be stored as it came", incident=self._incident_id, error=str(error))
