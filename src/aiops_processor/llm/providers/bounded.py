"""A client that reads a bounded part of each answer: a model's server is a stranger, and its SDK reads to the end."""

from typing import Any

import httpx2

MOST_BYTES = 4 * 1024 * 1024
"""Unpacked. The longest answers of models are a few hundred kilobytes."""
_OF_THE_WHOLE = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class BoundedClient(httpx2.AsyncClient):
    """Cuts what is longer than `MOST_BYTES`, which is no JSON any more and so read as no answer.

    Packed answers are unpacked in pieces: 4 kB of gzip can hold all of that.
    """

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """As of the base class. With `stream` the answer is the caller's to read."""
        response = await super().send(request, stream=True, **options)
        if stream:
            return response
        head = bytearray()
        try:
            async for part in response.aiter_bytes():
                head += part
                if len(head) > MOST_BYTES:
                    break
        finally:
            await response.aclose()
        kept = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in _OF_THE_WHOLE]
        return httpx2.Response(
            response.status_code,
            headers=kept,
            content=bytes(head[:MOST_BYTES]),
            request=response.request,
            extensions=response.extensions,
            history=response.history,
        )
