"""A picture in a thread: Slack gives an address for it, takes the bytes there, and shows it when told where.

Source: https://docs.slack.dev/messaging/working-with-files (scope files:write).
"""

import httpx2
import structlog

from aiops_processor.errors import DeliveryError, DeliveryRefused
from aiops_processor.notifiers.slack_api import SlackApi

FILES = "files.slack.com"
NAME = "what-changed.png"
log = structlog.get_logger(__name__)


async def share(api: SlackApi, picture: bytes, channel: str, thread: str, key: str) -> None:
    """Show it below a message. What cannot be shown is logged: the message itself stands."""
    try:
        where = {"filename": NAME, "length": str(len(picture)), "alt_txt": "What changed most, as charts"}
        given = await api.call("files.getUploadURLExternal", None, key, where)
        await api.post.upload(_ours(api, str(given.get("upload_url", ""))), picture)
        files = [{"id": given.get("file_id"), "title": "What changed most"}]
        done = {"files": files, "channel_id": channel, "thread_ts": thread}
        await api.call("files.completeUploadExternal", done, key)
    except DeliveryError as error:
        log.warning("a chart could not be shown", channel="slack_bot", error=str(error))


def _ours(api: SlackApi, url: str) -> str:
    """The address, if it is Slack's: charts are sent nowhere else. Raises DeliveryRefused."""
    try:
        host = httpx2.URL(url).host
    except httpx2.InvalidURL:
        host = ""
    if host not in {FILES, api.post.host}:
        raise DeliveryRefused("slack_bot: the address for a file is none of Slack's")
    return url
