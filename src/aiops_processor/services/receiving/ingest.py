"""Receiving: what was posted is in the database before it is answered.

One writer takes whatever posts wait and stores them in one transaction (a group commit), so that the price of a
disk sync is shared by all that arrived meanwhile.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import AiopsError, NotAWebhook, StorageBusy, StorageError
from aiops_processor.models.alert import Alert
from aiops_processor.models.webhook_answer import Rejection, WebhookAnswer
from aiops_processor.services.receiving.alert_size import MOST_NAME, bounded
from aiops_processor.services.receiving.episodes import Opened, Said, Track, fold
from aiops_processor.services.receiving.webhook_body import (
    Bad,
    Body,
    Envelope,
    Posted,
    Taken,
    as_letter,
    delivery_key,
    judge,
    take_apart,
)
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import dead_letters
from aiops_processor.storage.alerts import DeliveryRow, Newest
from aiops_processor.storage.database import Connection, Database, Turn
from aiops_processor.storage.dead_letters import DeadLetter
from aiops_processor.storage.tables import Encoded
from aiops_processor.telemetry import Metrics

log = structlog.get_logger(__name__)

CHUNK = 1000  # alerts of one post that are in memory as objects at a time
MOST_WAITING = 2000  # posts that wait for the writer; more are answered 503, which Alertmanager tries again
LARGE_BODY = 1024 * 1024
MOST_IN_ONE_COMMIT = 256
OF_THE_POST = f"longer than {MOST_NAME} characters; its beginning and a hash of all of it are kept"


@dataclass
class _Work:
    """What one post (or a piece of a large one) wants written."""

    delivery: DeliveryRow | None
    said: list[Said]
    letters: list[DeadLetter]
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass
class _Outcome:
    """What became of a post: how many alerts were taken, why the others were not, and what looks odd."""

    taken: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    warnings: list[Rejection] = field(default_factory=list)

    def add(self, verdicts: Iterable[Taken | Bad]) -> None:
        for verdict in verdicts:
            if isinstance(verdict, Bad):
                self.rejected.append(Rejection(index=verdict.index, reason=verdict.reason))
                continue
            self.taken += 1
            if verdict.warning:
                self.warnings.append(Rejection(index=verdict.index, reason=verdict.warning))


class Ingest:
    """Takes bodies, gives answers. `stored` is called after each commit that brought alerts."""

    def __init__(self, database: Database, clock: Clock, metrics: Metrics, stored: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._stored = stored
        self._judging = asyncio.Lock()
        self._waiting: deque[_Work] = deque()
        self._arrived = asyncio.Event()

    async def receive(self, body: bytes, source: str) -> WebhookAnswer:
        """Store a posted body. Returns after the commit.

        Raises NotAWebhook for a body that is none (it is kept as a dead letter), StorageBusy where it cannot be
        stored now.
        """
        now = self._clock.now()
        try:
            parts = await asyncio.to_thread(take_apart, body) if len(body) > LARGE_BODY else take_apart(body)
        except NotAWebhook as error:
            await self.keep_letter(source, str(error), body)
            raise
        outcome = await self._store(parts, source, now, large=len(body) > LARGE_BODY)
        return _answer(outcome, [f"{name}: {OF_THE_POST}" for name in parts.cut])

    async def keep_letter(self, source: str, reason: str, body: bytes) -> None:
        """Keep what is no webhook. Returns after the commit; raises StorageBusy."""
        self._metrics.alerts_rejected.inc()
        await self._write(_Work(None, [], [DeadLetter(source, reason, body, self._clock.now())]))

    async def adopt(self, alerts: Sequence[Alert], source: str, receiver: str) -> None:
        """Store alerts that were never posted, in pieces. Returns after the commit; raises StorageError."""
        now = self._clock.now()
        for first in range(0, len(alerts), CHUNK):
            said = [
                Said(source, receiver, "", Posted.of(bounded(alert)[0]), now) for alert in alerts[first : first + CHUNK]
            ]
            await self._write(_Work(None, said, []))
            self._count(said)

    async def run(self) -> None:
        """The writer: runs until it is cancelled."""
        while True:
            await self._arrived.wait()
            await self._commit()
            if not self._waiting:
                self._arrived.clear()

    async def _store(self, parts: Body, source: str, now: datetime, *, large: bool) -> _Outcome:
        """Judge and write a post piece by piece, so that a post of 80,000 alerts is never in memory as objects."""
        outcome = _Outcome()
        for first in range(0, max(len(parts.alerts), 1), CHUNK):
            piece = judge(parts.alerts[first : first + CHUNK], first, now)
            verdicts = await self._patiently(piece) if large else list(piece)
            work = _work(parts.envelope, verdicts, source, now, len(parts.alerts))
            await self._write(work)
            self._count(work.said)
            self._metrics.alerts_rejected.inc(len(work.letters))
            outcome.add(verdicts)
        return outcome

    async def _patiently(self, piece: Iterator[Taken | Bad]) -> list[Taken | Bad]:
        """Judged beside what else happens, one post after the other: an alert of 50 MB takes its size several times."""
        async with self._judging:
            return await asyncio.to_thread(list, piece)

    async def _write(self, work: _Work) -> None:
        if len(self._waiting) >= MOST_WAITING:
            raise StorageBusy(f"{MOST_WAITING} posts are waiting to be stored; try again", retry_after=1)
        self._waiting.append(work)
        self._arrived.set()
        await work.done

    async def _commit(self) -> None:
        works: list[_Work] = []

        async def store(connection: Connection) -> None:
            works.extend(self._taken())  # not before it is our turn: what came while others wrote goes along
            await _store(works, connection)

        try:
            await self._database.run(store, Turn.RECEIVING)
        except AiopsError as error:
            works = works or self._taken()
            log.warning("not stored", posts=len(works), error=str(error))
            _finish(works, error)
        except Exception as error:  # the writer must not end: every later post would hang
            works = works or self._taken()
            log.exception("storing failed", posts=len(works))
            _finish(works, StorageError(f"storing failed: {type(error).__name__}"))
        else:
            _finish(works, None)
            if any(work.said for work in works):
                self._stored()

    def _taken(self) -> list[_Work]:
        """From the thread that writes, too: nobody else takes."""
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_IN_ONE_COMMIT))]

    def _count(self, said: Sequence[Said]) -> None:
        firing = sum(word.alert.firing for word in said)
        for status, count in (("firing", firing), ("resolved", len(said) - firing)):
            self._metrics.alerts_received.labels(status).inc(count)


def _work(envelope: Envelope, verdicts: Sequence[Taken | Bad], source: str, now: datetime, total: int) -> _Work:
    taken = [verdict.alert for verdict in verdicts if isinstance(verdict, Taken)]
    delivery = DeliveryRow(
        key=delivery_key(source, envelope, taken),
        source=source,
        receiver=envelope.receiver,
        group_key=envelope.group_key,
        external_url=envelope.external_url,
        alerts=total,
        truncated=envelope.truncated_alerts,
        at=now,
    )
    return _Work(
        delivery=delivery if taken else None,
        said=[Said(source, envelope.receiver, envelope.group_key, alert, now) for alert in taken],
        letters=[DeadLetter(source, v.reason, as_letter(envelope, v.raw), now) for v in verdicts if isinstance(v, Bad)],
    )


async def _store(works: Sequence[_Work], connection: Connection) -> None:
    await dead_letters.keep(connection, [letter for work in works for letter in work.letters])
    await alert_rows.record_deliveries(connection, [w.delivery for w in works if w.delivery])
    await _write_episodes(connection, [said for work in works for said in work.said])


async def _write_episodes(connection: Connection, said: Sequence[Said]) -> None:
    if not said:
        return
    stored = await alert_rows.newest_episodes(connection, {word.key for word in said})
    result = fold({(each.source, each.fingerprint): _track(each) for each in stored}, said)
    await alert_rows.update_episodes(connection, [_changed_row(track) for track in result.changed.values()])
    # afterwards: of an alert that ended unheard and fires again only one may be open
    if result.opened:
        await alert_rows.insert_new_episodes(connection, _new_columns(result.opened))


def _track(stored: Newest) -> Track:
    return Track((stored.source, stored.fingerprint), stored.starts_at, stored.last_seen, stored.ended_at, stored.id)


def _new_columns(opened: Sequence[Opened]) -> dict[str, list[Any]]:
    words, tracks = [each.word for each in opened], [each.track for each in opened]
    fired = [word.alert.firing for word in words]
    return {
        "source": [word.source for word in words],
        "fingerprint": [word.alert.fingerprint for word in words],
        "receiver": [word.receiver for word in words],
        "group_key": [word.group_key for word in words],
        "starts_at": [track.starts_at for track in tracks],
        "ended_at": [track.ended_at for track in tracks],
        "first_seen": [word.at for word in words],
        "last_seen": [track.last_seen for track in tracks],
        "fired": fired,
        "grouped": [not each for each in fired],
        "incident_id": [None] * len(opened),
        "previous_id": [track.previous_id for track in tracks],
        "alert": [Encoded((track.alert or word.alert).text) for word, track in opened],
    }


def _changed_row(track: Track) -> dict[str, Any]:
    return {
        "id_": track.id,
        "last_seen_": track.last_seen,
        "ended_at_": track.ended_at,
        "alert_": Encoded(track.alert.text) if track.alert else None,
    }


def _finish(works: Sequence[_Work], error: AiopsError | None) -> None:
    for work in works:
        with contextlib.suppress(asyncio.InvalidStateError):  # the poster went away
            work.done.set_exception(error) if error else work.done.set_result(None)


def _answer(outcome: _Outcome, odd: Sequence[str]) -> WebhookAnswer:
    """`odd` is what looks odd about the post itself: it stands beside its first alert."""
    return WebhookAnswer(
        status="rejected" if outcome.rejected and not outcome.taken else "ok",
        processed=outcome.taken,
        rejected=tuple(outcome.rejected),
        warnings=(*(Rejection(index=0, reason=note) for note in odd), *outcome.warnings),
    )
