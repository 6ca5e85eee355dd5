"""A picture in a thread: Slack gives an address for it, takes the bytes there, and shows it when told where.

Source: https://docs.slack.dev/messaging/working-with-files (scope files:write).
"""

import asyncio

import httpx2
import structlog

from aiops_processor.errors import DeliveryError, DeliveryRefused
from aiops_processor.notifiers.slack_api import SlackApi

FILES = "files.slack.com"
NAME = "what-changed.png"
MOST_SECONDS = 5
log = structlog.get_logger(__name__)


async def share(api: SlackApi, picture: bytes, channel: str, thread: str, key: str) -> None:
    """Show it below a message. What cannot be shown is logged: the message itself stands."""
    try:
        async with asyncio.timeout(MOST_SECONDS):  # a message whose picture takes too long would be sent again
            await _shared(api, picture, channel, thread, key)
    except (DeliveryError, TimeoutError) as error:
        said = str(error) or f"not within {MOST_SECONDS} s"
        log.warning("a chart could not be shown", channel="slack_bot", error=said)


async def _shared(api: SlackApi, picture: bytes, channel: str, thread: str, key: str) -> None:
    where = {"filename": NAME, "length": str(len(picture)), "alt_txt": "What changed most, as charts"}
    given = await api.call("files.getUploadURLExternal", None, key, where)
    await api.post.upload(_ours(api, str(given.get("upload_url", ""))), picture)
    files = [{"id": given.get("file_id"), "title": "What changed most"}]
    await api.call("files.completeUploadExternal", {"files": files, "channel_id": channel, "thread_ts": thread}, key)


def _ours(api: SlackApi, url: str) -> str:
    """The address, if it is Slack's: charts are sent nowhere else. Raises DeliveryRefused."""
    try:
        host = httpx2.URL(url).host
    except httpx2.InvalidURL:
        host = ""
    if host not in {FILES, api.post.host}:
        raise DeliveryRefused("slack_bot: the address for a file is none of Slack's")
    return url
