"""A dead letter that can be taken now is taken, and gone."""

import json
from typing import Any

import pytest
from fastapi import HTTPException

from aiops_processor.storage import dead_letters as rows
from aiops_processor.storage.dead_letters import MOST_BYTES, DeadLetter
from aiops_processor.web.dead_letters import dead_letter, dead_letters, replay

pytestmark = pytest.mark.anyio


async def keep(house: Any, body: bytes) -> None:
    async with house.database.write() as connection:
        await rows.keep(connection, [DeadLetter("europe", "reason", body, house.clock.now())])


async def test_a_letter_that_is_taken_now_is_gone(house: Any) -> None:
    alert = {"status": "firing", "labels": {"alertname": "A"}, "startsAt": "2026-01-31T11:59:00Z"}
    await keep(house, json.dumps({"alerts": [alert]}).encode())
    answer = await replay(house, 1)
    assert answer.processed == 1
    assert await dead_letters(house) == []
    await house.pass_time(2)
    (incident,) = await house.all_incidents()
    assert incident.source == "europe"


async def test_a_letter_that_is_still_no_webhook_is_refused_and_counted(house: Any) -> None:
    await keep(house, b"[]")
    with pytest.raises(HTTPException) as caught:
        await replay(house, 1)
    assert caught.value.status_code == 422
    (kept,) = await dead_letters(house)
    assert kept.repeats == 1


async def test_of_a_large_body_the_head_is_kept(house: Any) -> None:
    await keep(house, b"x" * (MOST_BYTES + 5))
    kept = await dead_letter(house, 1)
    assert (kept.size, len(kept.body)) == (MOST_BYTES, MOST_BYTES)


async def test_an_unknown_number_is_not_found(house: Any) -> None:
    with pytest.raises(HTTPException) as caught:
        await dead_letter(house, 99)
    assert caught.value.status_code == 404
