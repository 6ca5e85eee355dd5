"""Every other service that Apprise knows, with the extra `[apprise]`.

Source: https://github.com/caronc/apprise. It returns no receipt, so every message stands alone, and says not why a
service refused one.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from pydantic import BaseModel

from aiops_processor.errors import DeliveryUnavailable, PluginError
from aiops_processor.models.notification import Message, Occasion, Receipt
from aiops_processor.notifiers import outline
from aiops_processor.notifiers.chat import Markup, text, unmentioned
from aiops_processor.notifiers.options import ChannelOptions, Secret

try:
    import apprise
except ImportError:
    raise PluginError("the channel apprise needs more packages: install aiops-processor[apprise]") from None

MOST_TEXT = 2000
_TYPES = {
    Occasion.RESOLVED: apprise.NotifyType.SUCCESS,
    Occasion.ANALYSED: apprise.NotifyType.WARNING,
    Occasion.OPENED: apprise.NotifyType.FAILURE,
}
PLAIN = Markup(
    plain=unmentioned,
    bold=lambda said: said,
    code=lambda said: f"  {said}",
    link=lambda said, address: f"{said}: {address}",
)


class AppriseOptions(ChannelOptions):
    """Addresses as Apprise writes them (`ntfy://…`), with spaces between. They are secrets."""

    urls: Secret


class AppriseNotifier:
    """Hands each message to Apprise as plain text, in a thread: it waits for the network."""

    Options: ClassVar[type[BaseModel]] = AppriseOptions

    def __init__(self, options: AppriseOptions) -> None:
        self.name = "apprise"
        self._limit = options.timeout_seconds
        self._services = apprise.Apprise()
        # Of its own: a service that hangs would take the threads that others need.
        self._threads = ThreadPoolExecutor(2, "apprise")
        # They log addresses, which are secrets; that it failed is told by what it returns.
        for name in ("apprise", "urllib3"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        for number, url in enumerate(options.urls.get_secret_value().split(), 1):
            if not self._services.add(url):
                raise PluginError(f"notifier apprise: the {number}. of its addresses is none that Apprise knows")

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - it knows neither
        """Raises DeliveryUnavailable."""
        try:
            async with asyncio.timeout(self._limit):
                taken = await asyncio.get_running_loop().run_in_executor(self._threads, self._told, message)
        except TimeoutError:
            raise DeliveryUnavailable(f"apprise did not answer within {self._limit:g} s") from None
        if not taken:
            raise DeliveryUnavailable("apprise: one of its services did not take the message; it says not why")
        return Receipt()

    async def aclose(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _told(self, message: Message) -> bool:
        body = text(message, PLAIN, MOST_TEXT, titled=False)
        kind = _TYPES.get(message.occasion, apprise.NotifyType.INFO)
        plain = apprise.NotifyFormat.TEXT
        return bool(self._services.notify(body=body, title=outline.title(message), notify_type=kind, body_format=plain))
