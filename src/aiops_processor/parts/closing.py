"""Closing what was made: each by itself, and not for long."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)

CLOSE_SECONDS = 10.0


class Closable(Protocol):
    """What holds connections."""

    async def aclose(self) -> None: ...


Keep = Callable[[Closable], None]
"""Is told of each thing that holds connections as soon as it is made: should a later one fail, it is closed."""


def keeping_none(made: Closable) -> None:
    """For those who close everything themselves."""


def kept_on(opened: AsyncExitStack) -> Keep:
    """Have it closed with this stack."""

    def keep(made: Closable) -> None:
        opened.push_async_callback(closed, made)

    return keep


async def closed(part: Closable) -> None:
    """Close it. What fails or hangs there keeps nothing else from being closed, and holds nobody up for long."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await part.aclose()
    except Exception as error:  # a stranger's, or a connection's: it is of no use any more in any case
        log.warning("not closed in order", part=type(part).__name__, exc_info=error)
