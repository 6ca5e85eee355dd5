"""What is told, what is told again, and what nobody knows."""

import asyncio
import contextlib
import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from aiops_processor.errors import DeliveryRefused, DeliveryUnavailable, StorageBusy
from aiops_processor.models.notification import Delivery, DeliveryState, Message, Occasion, Receipt
from aiops_processor.services.by_hand import ByHand
from aiops_processor.services.telling import notifier
from aiops_processor.services.telling.notifier import NOT_KNOWN, Telling
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import outbox, tables
from aiops_processor.telemetry import Metrics

pytestmark = pytest.mark.anyio


class Cut(BaseException):
    """The end of the process, in the middle of a request."""


class CutOff:
    """A channel whose request the process does not survive, as long as `cuts`."""

    def __init__(self, *, deduplicates: bool = False) -> None:
        self.name = "test"
        self.deduplicates = deduplicates
        self.cuts = True
        self.sent: list[tuple[str, str]] = []

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:
        self.sent.append((str(message.occasion), key))
        if self.cuts:
            raise Cut
        return Receipt(data={"number": len(self.sent)})

    async def aclose(self) -> None: ...


async def deliveries(house: Any) -> list[Delivery]:
    async with house.database.read() as connection:
        return await outbox.of_incident(connection, 1)


async def by_channel(house: Any) -> dict[str, DeliveryState]:
    return {each.channel: each.state for each in await deliveries(house)}


async def tell(house: Any, channel: Any) -> None:
    """One process: it tells what is due and may be cut off; what it did is not repeated by its engine."""
    house.telling = Telling(house.database, {"test": channel}, house.clock, Metrics(), "")
    house.delivered.clear()
    with contextlib.suppress(Cut):
        await house.reconciler.tick()


@pytest.fixture
async def analysed(house: Any, post: Any) -> Any:
    """An incident that was told as opened; a process claimed the message of its analysis and ended before it began."""
    await post("A")
    await house.pass_time(9)
    house.telling = Ended()
    await house.pass_time(3)
    return house


class Ended:
    """What a process does that was killed."""

    async def deliver(self, delivery_id: int, attempt: int) -> None: ...


async def test_what_is_about_urgent_incidents_is_told_first(house: Any) -> None:
    house.room = 0
    for name, severity in (("Small", "info"), ("Grave", "critical"), ("Middle", "warning")):
        labels = {"alertname": name, "service": name, "severity": severity}
        alert = {"status": "firing", "labels": labels, "startsAt": "2026-01-31T11:59:00Z"}
        await house.ingest.receive(json.dumps({"groupKey": name, "alerts": [alert]}).encode(), "default")
        await house.reconciler.tick()
    async with house.database.write() as connection:
        watchdog = {"source": "default", "fingerprint": "w", "labels": {"alertname": "Watchdog"}, "told": 1}
        times = {"heard_at": house.clock.now(), "counted_at": house.clock.now(), "longest_seconds": 60}
        await connection.execute(sa.insert(tables.watchdogs).values(**watchdog, **times))
        await outbox.put_watchdog(connection, 1, ["test"], Occasion.OPENED, 1, house.clock.now())
    house.room = 1
    for _ in range(4):
        await house.reconciler.tick()
    told = [message.incident.title for message, _ in house.channel.messages]
    assert [title.split()[0] for title in told] == ["WatchdogOverdue", "Grave", "Middle", "Small"]


async def test_an_update_that_was_cut_off_is_unknown_and_shown_so(analysed: Any) -> None:
    channel = CutOff()
    analysed.clock.advance(200)  # the claim of the process that ended has run out
    await tell(analysed, channel)
    assert channel.sent == [("analysed", "incident-1-analysed-1-test")]
    analysed.clock.advance(200)
    await tell(analysed, channel)
    assert len(channel.sent) == 1
    delivery = (await deliveries(analysed))[-1]
    assert (delivery.state, delivery.error) == (DeliveryState.UNKNOWN, NOT_KNOWN)
    async with analysed.database.read() as connection:
        history = await incident_rows.history(connection, 1)
    assert history[-1].text == f"test: analysed {NOT_KNOWN}"


async def test_a_claim_without_a_request_leaves_nothing_unknown(analysed: Any) -> None:
    channel = CutOff()
    channel.cuts = False
    analysed.clock.advance(200)
    await tell(analysed, channel)
    assert (await deliveries(analysed))[-1].state == DeliveryState.SENT


async def test_a_channel_that_drops_repeats_is_sent_the_same_key_again(analysed: Any) -> None:
    channel = CutOff(deduplicates=True)
    for cuts in (True, False):
        channel.cuts = cuts
        analysed.clock.advance(200)
        await tell(analysed, channel)
    assert channel.sent == [("analysed", "incident-1-analysed-1-test")] * 2
    assert (await deliveries(analysed))[-1].state == DeliveryState.SENT


async def test_the_first_message_is_sent_again_with_the_same_key(house: Any, post: Any) -> None:
    await post("A")
    channel = CutOff()
    for cuts in (True, False):
        channel.cuts = cuts
        await tell(house, channel)
        house.clock.advance(200)
    assert [key for event, key in channel.sent if event == "opened"] == ["incident-1-opened-0-test"] * 2
    delivery = (await deliveries(house))[0]
    assert (delivery.state, delivery.receipt) == (DeliveryState.SENT, Receipt(data={"number": 2}))


async def test_an_update_that_failed_plainly_is_tried_again(analysed: Any) -> None:
    """Only what was cut off is unknown: an answer that says no is an answer."""
    analysed.telling = Telling(analysed.database, {"test": analysed.channel}, analysed.clock, Metrics(), "")
    analysed.channel.error = DeliveryUnavailable("503")
    analysed.clock.advance(200)
    await analysed.reconciler.tick()
    analysed.channel.error = None
    await analysed.pass_time(5)
    assert analysed.channel.occasions == ["opened", "analysed", "analysed"]
    assert (await deliveries(analysed))[-1].state == DeliveryState.SENT


async def test_a_receipt_that_could_not_be_written_down_is_kept_and_nothing_sent_twice(house: Any, post: Any) -> None:
    await post("A")
    await house.incidents.group()
    async with house.database.write() as connection:
        (delivery,) = await outbox.claim(connection, house.clock.now(), house.clock.now(), 1)
    write, house.database.write = house.database.write, _away
    with pytest.raises(StorageBusy):
        await house.telling.deliver(delivery.id, delivery.attempts)
    house.database.write = write
    await house.telling.deliver(delivery.id, delivery.attempts)
    assert len(house.channel.messages) == 1
    assert (await deliveries(house))[0].state == DeliveryState.SENT


@pytest.mark.parametrize("error", [DeliveryUnavailable("503"), DeliveryRefused("no such channel")])
async def test_a_refusal_that_could_not_be_written_down_is_not_unknown(analysed: Any, error: Exception) -> None:
    channel = analysed.channel
    channel.error = error
    telling = Telling(analysed.database, {"test": channel}, analysed.clock, Metrics(), "")
    analysed.clock.advance(200)
    async with analysed.database.write() as connection:
        (delivery,) = await outbox.claim(connection, analysed.clock.now(), analysed.clock.now(), 1)
    write, before = analysed.database.write, len(channel.messages)
    channel.then = lambda: setattr(analysed.database, "write", _away)
    with pytest.raises(StorageBusy):
        await telling.deliver(delivery.id, delivery.attempts)
    analysed.database.write, channel.then = write, lambda: None
    await telling.deliver(delivery.id, delivery.attempts)
    last = (await deliveries(analysed))[-1]
    again = isinstance(error, DeliveryUnavailable)
    assert (last.state, last.error) == (DeliveryState.PENDING if again else DeliveryState.FAILED, str(error))
    assert len(channel.messages) == before + 1


async def test_what_could_not_even_be_read_leaves_nothing_unknown(analysed: Any) -> None:
    """Our own store was away before the request."""
    telling = Telling(analysed.database, {"test": analysed.channel}, analysed.clock, Metrics(), "")
    analysed.clock.advance(200)
    async with analysed.database.write() as connection:
        (delivery,) = await outbox.claim(connection, analysed.clock.now(), analysed.clock.now(), 1)
    read, reads = analysed.database.read, iter([analysed.database.read])

    def once() -> Any:
        return next(reads, _away)()

    analysed.database.read = once
    with pytest.raises(StorageBusy):
        await telling.deliver(delivery.id, delivery.attempts)
    analysed.database.read = read
    await telling.deliver(delivery.id, delivery.attempts)
    assert (await deliveries(analysed))[-1].state == DeliveryState.SENT


def _away(*_: Any) -> Any:
    raise StorageBusy("away")


async def test_one_channel_that_fails_does_not_touch_another(house: Any, post: Any) -> None:
    class Hanging(CutOff):
        async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:
            await asyncio.sleep(60)
            return Receipt()

    house.incidents.use(["test", "slow", "gone"], house.incidents._settling, house.incidents._policy)
    house.telling.use({"test": house.channel, "slow": Hanging()}, "")
    await post("A")
    await house.incidents.group()
    async with house.database.write() as connection:
        claimed = await outbox.claim(connection, house.clock.now(), house.clock.now(), 10)
    slow = [asyncio.create_task(house.telling.deliver(each.id, each.attempts)) for each in claimed]
    states = await by_channel(house)
    async with asyncio.timeout(60):
        while len(set(states.values())) < len(states):
            await asyncio.sleep(0.01)
            states = await by_channel(house)
    assert states == {"test": DeliveryState.SENT, "slow": DeliveryState.PENDING, "gone": DeliveryState.FAILED}
    for task in slow:
        task.cancel()


async def test_a_failed_message_is_told_again_by_hand(house: Any, post: Any) -> None:
    house.channel.error = DeliveryRefused("no such hook")
    await post("A")
    await house.pass_time(2)
    by_hand = ByHand(house.database, house.clock)
    house.channel.error = None
    (delivery,) = await deliveries(house)
    assert (delivery.state, delivery.error) == (DeliveryState.FAILED, "no such hook")
    assert await by_hand.tell_again(delivery.id)
    assert not await by_hand.tell_again(delivery.id)
    await house.reconciler.tick()
    (delivery,) = await deliveries(house)
    assert delivery.state == DeliveryState.SENT
    assert len({key for _, key in house.channel.messages}) == 1
    assert not await by_hand.tell_again(999)


async def test_a_message_that_is_tried_in_vain_for_long_fails_visibly(
    house: Any, post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "MOST_ATTEMPTS", 3)
    house.channel.error = DeliveryUnavailable("503")
    await post("A")
    await house.pass_time(8)
    delivery = (await deliveries(house))[0]
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 3)
    assert delivery.error == "given up after 3 tries: 503"


@pytest.mark.parametrize("error", [KeyError("https://hooks.example/secret"), RuntimeError("a fault")])
async def test_a_fault_of_a_channel_is_tried_again_and_then_fails(
    house: Any, post: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(notifier, "MOST_ATTEMPTS", 3)
    house.channel.error = error
    await post("A")
    await house.pass_time(8)
    delivery = (await deliveries(house))[0]
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 3)
    assert delivery.error == f"given up after 3 tries: a fault: {type(error).__name__}"


@pytest.mark.parametrize(
    "receipt",
    [None, {"number": 1}, Receipt(data={"at": object()}), Receipt(data={"text": "\ud800"})],
    ids=["none", "another type", "no JSON", "half a character"],
)
async def test_a_receipt_that_cannot_be_kept_is_none_and_the_message_is_told(
    house: Any, post: Any, receipt: Any
) -> None:
    async def send(message: Message, key: str, previous: Receipt | None) -> Any:
        sent.append(previous)
        return receipt

    sent: list[Receipt | None] = []
    house.channel.send = send
    await post("A")
    await house.pass_time(100)
    assert sent == [None, Receipt()]
    async with house.database.read() as connection:
        states = (await connection.execute(sa.select(tables.outbox.c.state))).scalars()
        assert set(states) == {DeliveryState.SENT}


async def test_messages_about_one_incident_keep_their_order(house: Any, post: Any) -> None:
    """The channel is away for long; it is back before the first message is tried again, and the alert is over."""
    house.channel.error = DeliveryUnavailable("503")
    await post("A")
    await house.pass_time(20)
    tried = len(house.channel.messages)
    house.channel.error = None
    await post("A", status="resolved")
    await house.pass_time(40)
    assert house.channel.occasions[tried:] == ["opened", "analysed", "resolved"]


async def test_a_dead_channel_with_much_to_tell_leaves_room_for_the_others(house: Any, post: Any) -> None:
    incidents, now, told = house.incidents, house.clock.now(), set[str]()
    for channel, number in (("dead", 50), ("good", 1)):
        incidents.use([channel], incidents._settling, incidents._policy)
        for each in range(number):
            await post(f"{channel}{each}", group=f"{channel}{each}")
        await incidents.group()
    for _ in range(4):
        async with house.database.write() as connection:
            told |= {each.channel for each in await outbox.claim(connection, now, now + timedelta(seconds=120), 8)}
    assert told == {"dead", "good"}
    async with house.database.read() as connection:
        claimed = await outbox.in_flight(connection)
        assert await outbox.next_due(connection, now) is None  # what its channel has no place for is not due
    assert len(claimed) == outbox.MOST_OF_A_CHANNEL + 1


async def test_the_number_of_a_message_is_never_given_again(house: Any, post: Any) -> None:
    """The engine remembers which numbers are done."""
    await post("A")
    await house.incidents.group()
    (first,) = await deliveries(house)
    async with house.database.write() as connection:
        await connection.execute(sa.delete(tables.outbox))
        await outbox.put(connection, 1, ["test"], Occasion.OPENED, 1, house.clock.now())
    (second,) = await deliveries(house)
    assert second.id > first.id
