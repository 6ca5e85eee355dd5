"""Telling people: one outbox row, one channel, one try at a time."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

import msgspec
import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import DeliveryError, DeliveryUnavailable, PluginFault, StorageError
from aiops_processor.masking import Mask
from aiops_processor.models.case import Happening
from aiops_processor.models.incident import TimelineEntry
from aiops_processor.models.notification import Delivery, DeliveryState, Message, Occasion, Receipt
from aiops_processor.plugins import Notifier
from aiops_processor.services.own import Events
from aiops_processor.services.telling.messages import message_about
from aiops_processor.services.telling.routing import QUIET, TELL, Decision, Routing
from aiops_processor.services.watching import silence
from aiops_processor.storage import actions as action_rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import outbox
from aiops_processor.storage import watchdogs as watchdog_rows
from aiops_processor.storage.database import Connection, Database
from aiops_processor.telemetry import Metrics

log = structlog.get_logger(__name__)

SECONDS_FOR_ONE_TRY = 20
FIRST_WAIT_SECONDS = 1.0
MOST_WAIT_SECONDS = 300.0
MOST_ATTEMPTS = 100  # at five minutes each, eight hours
NOT_KNOWN = "perhaps told: the process ended during the request, and this channel would show a repeat"


class Telling:
    """Sends what is due. A channel that fails is tried again by itself and delays no other."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Notifier],
        clock: Clock,
        metrics: Metrics,
        external_url: str,
        mask: Mask | None = None,
        routing: Routing | None = None,
        askable: Callable[[], tuple[tuple[str, str], ...]] = tuple,
        events: Events | None = None,
    ) -> None:
        """`askable` gives the actions that people can ask for, by name, with what stands on their buttons."""
        self._database = database
        self._events = events
        self._askable = askable
        self._channels = channels
        self._clock = clock
        self._metrics = metrics
        self._external_url = external_url
        self._receipts: dict[str, Receipt] = {}
        self._refusals: dict[tuple[int, int], Exception] = {}  # by delivery and attempt: not written down yet
        self._mask = mask
        self._routing = routing or Routing()

    def use(
        self,
        channels: Mapping[str, Notifier],
        external_url: str,
        mask: Mask | None = None,
        routing: Routing | None = None,
    ) -> None:
        """From now on send through these; what is under way ends with the channel that it began with."""
        self._channels = channels
        self._external_url = external_url
        self._mask = mask
        self._routing = routing or Routing()

    @property
    def channels(self) -> list[str]:
        return list(self._channels)

    async def deliver(self, delivery_id: int, attempt: int) -> None:
        """Try once, and write down what came of it. An older attempt than the row's does nothing."""
        async with self._database.read() as connection:
            delivery = await outbox.get(connection, delivery_id)
        if delivery is None or delivery.state != DeliveryState.PENDING or delivery.attempts != attempt:
            return
        if delivery.key in self._receipts:  # it is told, but our own store was away when that was to be written down
            await self._sent(delivery, self._receipts[delivery.key])
            return
        if error := self._refusals.get((delivery_id, attempt)):  # it is not told, which is as well known
            await self._refused(delivery, error)
            return
        channel = self._channels.get(delivery.channel)
        if channel is None:
            await self._failed(delivery, f"{delivery.channel} is not configured any more")
            return
        if delivery.sending and not may_repeat(delivery, channel):
            await self._unknown(delivery)
            return
        await self._try(delivery, channel)

    async def _try(self, delivery: Delivery, channel: Notifier) -> None:
        try:
            composed, previous = await self._compose(delivery)
            if decision := self._left_out(delivery, channel, composed, previous):
                await self._not_now(delivery, decision)
                return
            message = await asyncio.to_thread(self._mask.model, composed) if self._mask else composed
            if not may_repeat(delivery, channel):
                await self._begin(delivery)
            async with asyncio.timeout(SECONDS_FOR_ONE_TRY):
                receipt = await channel.send(message, delivery.key, previous)
        except StorageError:  # our own, and nothing is sent: whoever called tries again
            raise
        except Exception as error:  # of a fault of a channel, or of ours: the row must not wait for ever
            if not isinstance(error, DeliveryError | PluginFault | TimeoutError):
                log.exception("telling failed", channel=delivery.channel)
            self._refusals[delivery.id, delivery.attempts] = error
            await self._refused(delivery, error)
        else:
            kept = self._receipts[delivery.key] = _kept(receipt, delivery.channel)
            await self._sent(delivery, kept)

    def _left_out(
        self, delivery: Delivery, channel: Notifier, message: Message, previous: Receipt | None
    ) -> Decision | None:
        """Why it is not told, or not yet; None where it is told now."""
        if delivery.occasion is Occasion.ACKNOWLEDGED and not getattr(channel, "acknowledges", False):
            return Decision("this channel cannot say that somebody looks after it")
        if delivery.occasion is Occasion.APPROVAL and not (getattr(channel, "approves", False) and message.waiting):
            return Decision("nobody can approve anything in this channel" if message.waiting else "it waits no more")
        held = delivery.error.startswith(QUIET)
        now, told = self._clock.now(), previous is not None
        decision = self._routing.decide(delivery.channel, message, now, told=told, held=held)
        return None if decision == TELL else decision

    async def _not_now(self, delivery: Delivery, decision: Decision) -> None:
        state = DeliveryState.HELD if decision.until else DeliveryState.SKIPPED
        self._metrics.deliveries.labels(delivery.channel, state.value).inc()
        async with self._database.write() as connection:
            await outbox.finish(connection, delivery.id, state, error=decision.reason, next_try_at=decision.until)

    async def _begin(self, delivery: Delivery) -> None:
        async with self._database.write() as connection:
            await outbox.begin(connection, delivery.id)

    async def _refused(self, delivery: Delivery, error: Exception) -> None:
        """Write down that it is not told, and whether it is tried again."""
        if isinstance(error, DeliveryError) and not isinstance(error, DeliveryUnavailable):
            await self._failed(delivery, str(error))
        else:
            await self._again(delivery, error)
        self._refusals.pop((delivery.id, delivery.attempts), None)

    async def _compose(self, delivery: Delivery) -> tuple[Message, Receipt | None]:
        async with self._database.read() as connection:
            previous = await outbox.last_receipt(connection, delivery)
            if delivery.incident_id is not None:
                return await self._about_incident(connection, delivery, delivery.incident_id), previous
            watchdog = await watchdog_rows.get(connection, delivery.watchdog_id or 0)
        assert watchdog is not None, "an outbox row refers to its Watchdog"  # noqa: S101 - a foreign key says so
        return silence.message(watchdog, delivery.occasion, self._clock.now()), previous

    async def _about_incident(self, connection: Connection, delivery: Delivery, incident_id: int) -> Message:
        now, url = self._clock.now(), self._external_url
        message = await message_about(connection, incident_id, delivery.occasion, url, now)
        assert message is not None, "an outbox row refers to its incident"  # noqa: S101 - a foreign key says so
        return message.model_copy(
            update={
                "update": delivery.occasion is Occasion.ANALYSED and await outbox.has_told(connection, delivery),
                "waiting": tuple(await action_rows.waiting_of(connection, incident_id)),
                "askable": self._askable(),
            }
        )

    async def _sent(self, delivery: Delivery, receipt: Receipt) -> None:
        self._metrics.deliveries.labels(delivery.channel, "sent").inc()
        async with self._database.write() as connection:
            await outbox.finish(connection, delivery.id, DeliveryState.SENT, receipt=receipt)
            await self._note(connection, delivery, "notified", "told")
        self._receipts.pop(delivery.key, None)
        if self._events:
            text = f"{delivery.channel}: {delivery.occasion}"
            self._events.happened(Happening.TOLD, delivery.incident_id, text=text)

    async def _again(self, delivery: Delivery, error: Exception) -> None:
        why = reason(error)
        if delivery.attempts >= MOST_ATTEMPTS:
            await self._failed(delivery, f"given up after {MOST_ATTEMPTS} tries: {why}")
            return
        self._metrics.deliveries.labels(delivery.channel, "retry").inc()
        asked = error.retry_after if isinstance(error, DeliveryUnavailable) else None
        next_try = self._clock.now() + timedelta(seconds=wait_seconds(delivery.attempts, asked))
        log.warning("channel failed, will try again", channel=delivery.channel, error=why, attempt=delivery.attempts)
        async with self._database.write() as connection:
            await outbox.finish(connection, delivery.id, DeliveryState.PENDING, error=why, next_try_at=next_try)

    async def _failed(self, delivery: Delivery, reason: str) -> None:
        self._metrics.deliveries.labels(delivery.channel, "failed").inc()
        log.error("channel refused", channel=delivery.channel, error=reason)
        async with self._database.write() as connection:
            await outbox.finish(connection, delivery.id, DeliveryState.FAILED, error=reason)
            await self._note(connection, delivery, "failed", f"could not be told ({reason})")

    async def _unknown(self, delivery: Delivery) -> None:
        self._metrics.deliveries.labels(delivery.channel, "unknown").inc()
        log.error("not known whether it was told", channel=delivery.channel, key=delivery.key)
        async with self._database.write() as connection:
            await outbox.finish(connection, delivery.id, DeliveryState.UNKNOWN, error=NOT_KNOWN)
            await self._note(connection, delivery, "failed", NOT_KNOWN)

    async def _note(self, connection: Connection, delivery: Delivery, kind: str, what: str) -> None:
        """A line in the incident's history; a Watchdog has none."""
        if delivery.incident_id is not None:
            text = f"{delivery.channel}: {delivery.occasion} {what}"
            entry = TimelineEntry.model_validate({"at": self._clock.now(), "kind": kind, "text": text})
            await incident_rows.note(connection, delivery.incident_id, entry)


def _kept(receipt: object, channel: str) -> Receipt:
    """The receipt, where it is one that can be stored. It is told in any case, and must not be told again."""
    if isinstance(receipt, Receipt):
        try:
            msgspec.json.encode(receipt.model_dump(mode="json"))
        except (TypeError, ValueError, OverflowError, RecursionError):
            pass
        else:
            return receipt
    log.error("a channel gave no receipt that can be kept", channel=channel, gave=type(receipt).__name__)
    return Receipt()


def reason(error: Exception) -> str:
    """What stands in the row. Of an error that is none of ours only its name: its text may hold anything."""
    if isinstance(error, TimeoutError):
        return f"no answer within {SECONDS_FOR_ONE_TRY} s"
    return str(error) if isinstance(error, DeliveryError | PluginFault) else f"a fault: {type(error).__name__}"


def may_repeat(delivery: Delivery, channel: Notifier) -> bool:
    """Whether it may be sent again when nobody knows what came of it.

    What must reach people may; an update that is seen twice only confuses, unless the channel drops the second.
    """
    return delivery.occasion != Occasion.ANALYSED or getattr(channel, "deduplicates", False)


def wait_seconds(attempts: int, asked: float | None) -> float:
    """How long until the next try: what the channel asked for, else doubling from one second to five minutes."""
    if asked is not None:
        return min(max(asked, FIRST_WAIT_SECONDS), MOST_WAIT_SECONDS)
    return min(FIRST_WAIT_SECONDS * 2 ** min(attempts - 1, 16), MOST_WAIT_SECONDS)
