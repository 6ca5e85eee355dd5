"""What could not be taken: look at it, post it again, or drop it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query

from aiops_processor.errors import NotAWebhook
from aiops_processor.models.base import Frozen
from aiops_processor.models.webhook_answer import WebhookAnswer
from aiops_processor.storage import dead_letters as rows
from aiops_processor.storage.dead_letters import KeptLetter
from aiops_processor.web.api import MOST_ID
from aiops_processor.web.service import Running

router = APIRouter(prefix="/api/v1/dead-letters", tags=["dead letters"])

LetterId = Annotated[int, Path(ge=1, le=MOST_ID)]


class Letter(Frozen):
    """One dead letter. `body` is what came (at most its first megabyte), "" in a list; `size` is in bytes."""

    id: int
    source: str
    reason: str
    first_at: datetime
    last_at: datetime
    repeats: int
    size: int
    body: str = ""


@router.get("")
async def dead_letters(
    service: Running,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int | None, Query(ge=1, le=MOST_ID)] = None,
) -> list[Letter]:
    """Dead letters, newest first, without their bodies."""
    async with service.database.read() as connection:
        return [_letter(kept) for kept in await rows.recent(connection, limit, before)]


@router.get("/{letter_id}")
async def dead_letter(service: Running, letter_id: LetterId) -> Letter:
    """One dead letter with its body."""
    return _letter(await _get(service, letter_id))


@router.post("/{letter_id}/replay")
async def replay(service: Running, letter_id: LetterId) -> WebhookAnswer:
    """Take it as if it were posted now. It is dropped where all of it is taken, and kept otherwise."""
    kept = await _get(service, letter_id)
    try:
        answer = await service.ingest.receive(kept.body, kept.source)
    except NotAWebhook as error:
        raise HTTPException(422, str(error)) from None
    if not answer.rejected:
        await _drop(service, letter_id)
    return answer


@router.delete("/{letter_id}")
async def drop(service: Running, letter_id: LetterId) -> dict[str, str]:
    """Drop it for good."""
    await _get(service, letter_id)
    await _drop(service, letter_id)
    return {"status": "dropped"}


async def _get(service: Running, letter_id: int) -> KeptLetter:
    async with service.database.read() as connection:
        kept = await rows.get(connection, letter_id)
    if kept is None:
        raise HTTPException(404, f"no dead letter {letter_id}")
    return kept


async def _drop(service: Running, letter_id: int) -> None:
    async with service.database.write() as connection:
        await rows.drop(connection, letter_id)


def _letter(kept: KeptLetter) -> Letter:
    return Letter(
        id=kept.id,
        source=kept.source,
        reason=kept.reason,
        first_at=kept.first_at,
        last_at=kept.at,
        repeats=kept.repeats,
        size=kept.size,
        body=kept.body.decode(errors="replace"),
    )
