"""Reading bodies: who sends slowly, or not at all, is in nobody's way."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, ClassVar, cast

import pytest
from fastapi import Request
from starlette.types import Message

from aiops_processor.errors import StorageBusy
from aiops_processor.web.edge.bodies import LARGE, LARGE_AT_ONCE, SMALL_BYTES_AT_ONCE, BodyReader, TooLarge

pytestmark = pytest.mark.anyio


class Post:
    """So many parts of this size, and then silence where it `stalls`."""

    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, *parts: int, stalls: bool = False) -> None:
        self._parts = list(parts)
        self._stalls = stalls

    async def receive(self) -> Message:
        if not self._parts:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        size, *self._parts = self._parts
        return {"type": "http.request", "body": b"x" * size, "more_body": bool(self._parts) or self._stalls}


def post(*parts: int, stalls: bool = False) -> Request:
    return cast("Any", Post(*parts, stalls=stalls))


async def length(reader: BodyReader, request: Request, **limits: int) -> int:
    async with reader.read(request, **limits) as body:
        return len(body)


async def test_large_posts_that_come_no_further_give_their_places_back() -> None:
    reader = BodyReader(idle_seconds=0.01)
    stalled = [length(reader, post(LARGE + 1, stalls=True)) for _ in range(LARGE_AT_ONCE)]
    for ended in await asyncio.gather(*stalled, return_exceptions=True):
        assert isinstance(ended, StorageBusy)
    assert await length(reader, post(LARGE, 1)) == LARGE + 1


async def test_a_post_that_comes_on_for_ever_ends_all_the_same() -> None:
    reader = BodyReader(idle_seconds=60, body_seconds=0)
    with pytest.raises(StorageBusy, match="did not come on"):
        await length(reader, post(*[1] * 1000, stalls=True))


async def test_a_third_large_post_is_told_to_come_again() -> None:
    reader = BodyReader()
    async with AsyncExitStack() as stack:
        for _ in range(LARGE_AT_ONCE):
            await stack.enter_async_context(reader.read(post(LARGE, 1)))
        with pytest.raises(StorageBusy, match="two large posts"):
            await length(reader, post(LARGE, 1))
        assert await length(reader, post(LARGE)) == LARGE  # a small one finds room
    assert await length(reader, post(LARGE, 1)) == LARGE + 1


async def test_small_posts_do_not_fill_the_memory_together() -> None:
    reader = BodyReader()
    async with AsyncExitStack() as stack:
        for _ in range(SMALL_BYTES_AT_ONCE // LARGE):
            await stack.enter_async_context(reader.read(post(LARGE)))
        with pytest.raises(StorageBusy, match="too many posts"):
            await length(reader, post(1))
    assert await length(reader, post(1)) == 1


async def test_what_is_too_large_leaves_its_head_and_its_place() -> None:
    reader = BodyReader()
    for _ in range(LARGE_AT_ONCE + 1):
        with pytest.raises(TooLarge) as refused:
            await length(reader, post(LARGE, LARGE), most=LARGE)
        assert len(refused.value.head) == 64 * 1024
