"""What could not be taken: look at it, post it again, or drop it; for programs and for people."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from aiops_processor.errors import NotAWebhook
from aiops_processor.models.base import Frozen
from aiops_processor.models.webhook_answer import WebhookAnswer
from aiops_processor.storage import dead_letters as rows
from aiops_processor.storage.dead_letters import KeptLetter
from aiops_processor.web.api import MOST_ID
from aiops_processor.web.console.pages import PAGE_SIZE, PageRoute, render, typed_id
from aiops_processor.web.service import Running, Service

router = APIRouter(prefix="/api/v1/dead-letters", tags=["dead letters"])
pages = APIRouter(
    prefix="/dead-letters", include_in_schema=False, route_class=PageRoute, default_response_class=HTMLResponse
)

NOT_TAKEN = 422
MOST_REASONS = 3
MOST_SHOWN = 64 * 1024
"""Characters of a body that its page shows; the API has up to a megabyte."""

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
        raise HTTPException(NOT_TAKEN, str(error)) from None
    if not answer.rejected:
        await _drop(service, letter_id)
    return answer


@router.delete("/{letter_id}")
async def drop(service: Running, letter_id: LetterId) -> dict[str, str]:
    """Drop it for good."""
    await _get(service, letter_id)
    await _drop(service, letter_id)
    return {"status": "dropped"}


@pages.get("")
@pages.get("/")
async def page(request: Request, service: Running, before: Annotated[str, Query()] = "") -> Response:
    """The list, newest first."""
    async with service.database.read() as connection:
        found = await rows.recent(connection, PAGE_SIZE + 1, typed_id(before))
    return render(
        request,
        "dead_letters.html",
        found=[_letter(kept) for kept in found[:PAGE_SIZE]],
        more=len(found) > PAGE_SIZE,
        paged=bool(before),
        now=service.clock.now(),
    )


@pages.get("/{letter_id}")
async def letter_page(request: Request, service: Running, letter_id: LetterId) -> Response:
    """One with its body, and what can be done with it."""
    return await _page_of(request, service, letter_id)


@pages.post("/{letter_id}/replay")
async def replay_from_page(request: Request, service: Running, letter_id: LetterId) -> Response:
    """Post it again; where not all of it is taken its page says why."""
    try:
        answer = await replay(service, letter_id)
    except HTTPException as error:
        if error.status_code != NOT_TAKEN:
            raise
        return await _page_of(request, service, letter_id, f"It was not taken: {error.detail}")
    if answer.rejected:
        reasons = "; ".join(each.reason for each in answer.rejected[:MOST_REASONS])
        return await _page_of(
            request, service, letter_id, f"{len(answer.rejected)} of its alerts could not be taken: {reasons}"
        )
    return RedirectResponse("../../dead-letters", 303)


@pages.post("/{letter_id}/drop")
async def drop_from_page(service: Running, letter_id: LetterId) -> Response:
    """Drop it for good."""
    await drop(service, letter_id)
    return RedirectResponse("../../dead-letters", 303)


async def _page_of(request: Request, service: Service, letter_id: int, notice: str = "") -> Response:
    letter = _letter(await _get(service, letter_id))
    shown = letter.model_copy(update={"body": letter.body[:MOST_SHOWN]})
    status = NOT_TAKEN if notice else 200
    return render(request, "dead_letter.html", status, letter=shown, notice=notice, now=service.clock.now())


async def _get(service: Service, letter_id: int) -> KeptLetter:
    async with service.database.read() as connection:
        kept = await rows.get(connection, letter_id)
    if kept is None:
        raise HTTPException(404, f"no dead letter {letter_id}")
    return kept


async def _drop(service: Service, letter_id: int) -> None:
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
