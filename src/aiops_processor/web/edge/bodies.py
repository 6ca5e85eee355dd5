"""Reading what is posted, without letting a stranger fill the memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO

from fastapi import Request
from starlette.requests import ClientDisconnect

from aiops_processor.errors import BodyTooLarge, InputError, StorageBusy

MOST_BYTES = 64 * 1024 * 1024
HEAD_BYTES = 64 * 1024
LARGE = 1024 * 1024
LARGE_AT_ONCE = 2
SMALL_BYTES_AT_ONCE = 64 * 1024 * 1024
IDLE_SECONDS = 10.0
"""So long may nothing of a body come: its sender is gone, though the connection does not know."""
BODY_SECONDS = 60.0
"""So long may all of it take: 1 MB a second of the largest. A place that a slow sender holds, nobody else has."""


class BodyReader:
    """Reads bodies up to 64 MB, two large ones at a time and small ones of 64 MB together."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS, body_seconds: float = BODY_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._body_seconds = body_seconds
        self._room = _Room()

    @contextlib.asynccontextmanager
    async def read(self, request: Request, most: int = MOST_BYTES) -> AsyncIterator[bytes]:
        """The body of at most so many bytes, whose place is kept until the block ends.

        Raises BodyTooLarge with the head of the body in `head`, StorageBusy where there is no place for it, or where it
        does not come on.
        """
        if request.headers.get("content-encoding", "identity") != "identity":
            raise InputError("Content-Encoding", "is not understood; send the body as it is")
        place = _Place(self._room)
        try:
            yield await self._whole(request, most, place)
        finally:
            place.leave()

    async def _whole(self, request: Request, most: int, place: "_Place") -> bytes:
        content = BytesIO()  # which gives its bytes away without a copy: joining parts would need the room twice
        now = asyncio.get_running_loop().time
        end = now() + self._body_seconds
        try:
            async with asyncio.timeout(self._idle_seconds) as limit:
                while True:
                    part, more = await _next_part(request)
                    content.write(part)
                    place.grow(len(part))
                    if place.size > most:
                        raise TooLarge(content.getvalue()[:HEAD_BYTES], most)
                    if not more:  # most bodies come in one part, and a limit costs as much as reading them
                        break
                    limit.reschedule(min(end, now() + self._idle_seconds))
        except TimeoutError:
            raise StorageBusy("the body did not come on; send it again", retry_after=1) from None
        return content.getvalue()


async def _next_part(request: Request) -> tuple[bytes, bool]:
    """A piece of the body, and whether there is more. Raises ClientDisconnect."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


@dataclass
class _Room:
    """How many large bodies are here, and how many bytes of small ones."""

    large: int = 0
    small_bytes: int = 0


class _Place:
    """What one body takes of the room."""

    def __init__(self, room: _Room) -> None:
        self._room = room
        self._large = False
        self.size = 0

    def grow(self, size: int) -> None:
        """Raises StorageBusy where there is no room for it."""
        self.size += size
        if self._large:
            return
        self._room.small_bytes += size
        if self.size > LARGE:
            self._become_large()
        elif self._room.small_bytes > SMALL_BYTES_AT_ONCE:
            raise StorageBusy("too many posts are being read; try again", retry_after=1)

    def leave(self) -> None:
        if self._large:
            self._room.large -= 1
        else:
            self._room.small_bytes -= self.size

    def _become_large(self) -> None:
        if self._room.large >= LARGE_AT_ONCE:
            raise StorageBusy("two large posts are being read; try again", retry_after=1)
        self._room.small_bytes -= self.size
        self._room.large += 1
        self._large = True


class TooLarge(BodyTooLarge):
    """More than is taken, 64 MB as a rule; `head` is its beginning."""

    def __init__(self, head: bytes, most: int) -> None:
        super().__init__("body", f"is larger than {most // 1024 // 1024} MB")
        self.head = head
