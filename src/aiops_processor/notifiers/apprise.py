"""Every other service that Apprise knows, with the extra `[apprise]`.

Source: https://github.com/caronc/apprise. It returns no receipt, so every message stands alone. Why a service did not
take one it says only in what it logs: there its plugins write the status that was answered, all in the same way.
"""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, NamedTuple

from pydantic import BaseModel

from aiops_processor.errors import DeliveryRefused, DeliveryUnavailable, PluginError
from aiops_processor.models.notification import Message, Occasion, Receipt
from aiops_processor.notifiers import outline
from aiops_processor.notifiers.chat import Markup, text, unmentioned
from aiops_processor.notifiers.options import ChannelOptions, Secret
from aiops_processor.notifiers.statuses import is_final, remedy

try:
    import apprise
except ImportError:
    raise PluginError("the channel apprise needs more packages: install aiops-processor[apprise]") from None

MOST_TEXT = 2000
MOST_AT_ONCE = 32
MOST_REMEMBERED = 1000
_STATUS = re.compile(r"\berror=(\d{3})\b")
_UNREACHED = re.compile("connection error", re.IGNORECASE)  # so say nearly all of them where nobody answered
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


class _Told(NamedTuple):
    """What came of telling one address, which is called by its number: `refusal` is "" where it took the message."""

    refusal: str = ""
    final: bool = False


class AppriseNotifier:
    """Hands each message to Apprise as plain text, in threads: it waits for the network.

    Of several addresses those that took a message, or never will, are not told again when it is tried again.
    """

    Options: ClassVar[type[BaseModel]] = AppriseOptions

    def __init__(self, options: AppriseOptions) -> None:
        self.name = "apprise"
        self._limit = options.timeout_seconds
        self._settled = OrderedDict[str, dict[int, _Told]]()  # by key and number: of those not all of which took it
        _keep_quiet()
        self._services = {n: _service(n, url) for n, url in enumerate(options.urls.get_secret_value().split(), 1)}
        # Of its own: a service that hangs would take the threads that others need.
        self._threads = ThreadPoolExecutor(min(2 * len(self._services), MOST_AT_ONCE), "apprise")

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - it gives none
        """Raises DeliveryRefused where nothing but a person can mend it, else DeliveryUnavailable."""
        settled = self._settled.get(key, {})
        asked = [number for number in self._services if number not in settled]
        told = dict(zip(asked, await asyncio.gather(*(self._one(number, message) for number in asked)), strict=True))
        failed = {number: each for number, each in (settled | told).items() if each.refusal}
        if not failed:
            self._settled.pop(key, None)
            return Receipt()
        said = f"apprise: {'; '.join(f'address {number} {failed[number].refusal}' for number in sorted(failed))}"
        if all(each.final for each in failed.values()):
            self._settled.pop(key, None)
            raise DeliveryRefused(said)
        self._settled[key] = {n: each for n, each in (settled | told).items() if each.final or not each.refusal}
        while len(self._settled) > MOST_REMEMBERED:
            self._settled.popitem(last=False)
        raise DeliveryUnavailable(said)

    async def aclose(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _one(self, number: int, message: Message) -> _Told:
        try:
            async with asyncio.timeout(self._limit):
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._tell, number, message)
        except TimeoutError:
            return _Told(f"did not answer within {self._limit:g} s")

    def _tell(self, number: int, message: Message) -> _Told:
        body = text(message, PLAIN, MOST_TEXT, titled=False)
        kind = _TYPES.get(message.occasion, apprise.NotifyType.INFO)
        plain = apprise.NotifyFormat.TEXT
        result = self._services[number].notify(
            body=body, title=outline.title(message), notify_type=kind, body_format=plain
        )
        return _Told() if result else _refusal([entry.message for entry in result.logs()])


def _refusal(logged: Sequence[str]) -> _Told:
    """What a service that failed says. One address may name several targets: final is only what is so for each."""
    statuses = [int(found) for line in logged for found in _STATUS.findall(line)]
    if not statuses:
        return _Told("did not take the message; it says not why")
    may_pass = [status for status in statuses if not is_final(status)]
    told = (may_pass or statuses)[-1]
    unreached = any(map(_UNREACHED.search, logged))
    return _Told(": ".join(filter(None, (f"answered {told}", remedy(told)))), final=not (may_pass or unreached))


def _service(number: int, url: str) -> apprise.Apprise:
    made = apprise.Apprise()
    if not made.add(url):
        raise PluginError(f"notifier apprise: the {number}. of its addresses is none that Apprise knows")
    return made


def _keep_quiet() -> None:
    """They log addresses, which are secrets: nobody but the result of a call may read what Apprise logs."""
    logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)
    log = logging.getLogger("apprise")
    log.setLevel(logging.WARNING)
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())  # without any Python writes to stderr
