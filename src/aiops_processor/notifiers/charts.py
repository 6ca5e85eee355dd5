"""Whether a picture can be drawn, and drawing it: in a thread, and with nothing of it in memory before it is wanted."""

import asyncio
from importlib import import_module
from importlib.util import find_spec

import structlog

from aiops_processor.errors import PluginError
from aiops_processor.models.notification import Message, Occasion

log = structlog.get_logger(__name__)


def require(channel: str) -> None:
    """Raises PluginError where the extra is not installed."""
    if find_spec("PIL") is None:
        raise PluginError(f"{channel}: charts need more packages: install aiops-processor[charts]")


async def picture(message: Message) -> bytes | None:
    """The strongest findings as a PNG; None where there is nothing to draw, or it could not be drawn: the message is
    worth more than its picture.
    """
    if message.occasion is not Occasion.ANALYSED or message.evidence is None:
        return None
    try:
        return await asyncio.to_thread(_drawn, message)
    except (ImportError, OSError, ValueError) as error:
        log.warning("the chart could not be drawn", error=type(error).__name__)
        return None


def _drawn(message: Message) -> bytes | None:
    return import_module("aiops_processor.notifiers.picture").png(message)
