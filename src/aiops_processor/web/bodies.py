"""Reading what is posted, without letting a stranger fill the memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import Request

from aiops_processor.errors import BodyTooLarge, InputError, StorageBusy

MOST_BYTES = 64 * 1024 * 1024
HEAD_BYTES = 64 * 1024
LARGE = 1024 * 1024
LARGE_AT_ONCE = 2


class BodyReader:
    """Reads bodies up to 64 MB, two large ones at a time."""

    def __init__(self) -> None:
        self._large = 0

    @contextlib.asynccontextmanager
    async def read(self, request: Request, most: int = MOST_BYTES) -> AsyncIterator[bytes]:
        """The body of at most so many bytes, whose place is kept until the block ends.

        Raises BodyTooLarge with the head of the body in `head`, StorageBusy when two large bodies are being read.
        """
        if request.headers.get("content-encoding", "identity") != "identity":
            raise InputError("Content-Encoding", "is not understood; send the body as it is")
        holds = False
        parts: list[bytes] = []
        size = 0
        try:
            async for part in request.stream():
                parts.append(part)
                size += len(part)
                if size > most:
                    raise TooLarge(b"".join(parts)[:HEAD_BYTES], most)
                if size > LARGE and not holds:
                    self._take_place()
                    holds = True
            body = b"".join(parts)
            parts.clear()
            yield body
        finally:
            if holds:
                self._large -= 1
                await asyncio.sleep(0)

    def _take_place(self) -> None:
        if self._large >= LARGE_AT_ONCE:
            raise StorageBusy("two large posts are being read; try again", retry_after=1)
        self._large += 1


class TooLarge(BodyTooLarge):
    """More than is taken, 64 MB as a rule; `head` is its beginning."""

    def __init__(self, head: bytes, most: int) -> None:
        super().__init__("body", f"is larger than {most // 1024 // 1024} MB")
        self.head = head
