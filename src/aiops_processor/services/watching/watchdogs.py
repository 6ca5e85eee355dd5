"""The dead man's switch: when the Watchdog falls silent, alerts no longer reach us, and people are told.

Armed by its first arrival or by configuration. It never becomes an incident. Whether it still comes is read from its
episodes, where ingest writes down when it was last seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import StorageError
from aiops_processor.models.alert import Alert
from aiops_processor.models.incident import Episode
from aiops_processor.models.notification import Occasion
from aiops_processor.models.watchdog import Watchdog
from aiops_processor.query.matchers import Matcher
from aiops_processor.storage import outbox
from aiops_processor.storage import watchdogs as rows
from aiops_processor.storage.database import Connection, Database, Turn

log = structlog.get_logger(__name__)

LONGEST_ROUND_SECONDS = 10.0
SOURCE = "default"


@dataclass(frozen=True)
class Expected:
    """Which alerts are Watchdogs: all matchers must fit. `within`: how long one may be silent; None is learned.

    Where `within` is given, one of the source `default` is expected from the start, before any has come.
    """

    matchers: tuple[Matcher, ...] = (Matcher("alertname", "=", "Watchdog"),)
    within: timedelta | None = None

    def fits(self, alert: Alert) -> bool:
        return self.fits_labels(alert.labels)

    def fits_labels(self, labels: Mapping[str, str]) -> bool:
        return bool(self.matchers) and all(matcher.fits(labels) for matcher in self.matchers)


async def arm(connection: Connection, episodes: Iterable[Episode]) -> None:
    """Expect these Watchdogs from now on."""
    for episode in episodes:
        alert = episode.alert
        await rows.expect(connection, episode.source, alert.fingerprint, alert.labels, episode.last_seen)


class Watchdogs:
    """Looks whether each Watchdog is on time, and puts into the outbox what is to be told."""

    def __init__(self, database: Database, clock: Clock, channels: Sequence[str], expected: Expected) -> None:
        self._database = database
        self._clock = clock
        self._channels = channels
        self._expected = expected
        self._listening_since: datetime | None = None
        self._looked_at: datetime | None = None
        self._armed_for: Expected | None = None

    def use(self, channels: Sequence[str], expected: Expected) -> None:
        """From now on tell these channels, and expect this."""
        self._channels = channels
        self._expected = expected

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.round()
            except StorageError as error:
                log.warning("could not look after the Watchdog", error=str(error))
            except Exception:  # the loop must not end: nobody would miss the Watchdog any more
                log.exception("looking after the Watchdog failed")
            await self._clock.sleep(self._round_seconds())

    async def round(self) -> None:
        """Look once. Raises StorageError."""
        now = self._clock.now()
        since = self._listening(now)
        if self._armed_for != self._expected:
            await self._arm_open()
        async with self._database.read() as connection:
            armed = self._expected.within is None or await rows.any_of(connection, SOURCE)
            changed = await self._changes(connection, now, since)
        if armed and not changed:
            return  # an idle service does not write
        async with self._database.write(Turn.WATCHING) as connection:
            if not armed:
                await rows.expect(connection, SOURCE, rows.NEVER_CAME, {}, now)
            for before, after in await self._changes(connection, now, since):
                await rows.save(connection, after)
                await self._tell(connection, before, after, now)

    async def _arm_open(self) -> None:
        """What fires already when the configuration calls it a Watchdog makes no new episode that would arm it."""
        expected = self._expected
        async with self._database.read() as connection:
            fires = [alert for alert in await rows.open_alerts(connection) if expected.fits_labels(alert.labels)]
        if fires:
            async with self._database.write(Turn.WATCHING) as connection:
                for alert in fires:
                    await rows.expect(connection, *alert)
        self._armed_for = expected

    async def _changes(self, connection: Connection, now: datetime, since: datetime) -> list[tuple[Watchdog, Watchdog]]:
        """Each that changed, as it stood and as it stands now."""
        words = await rows.last_words(connection)
        both = [(each, self._judged(each, words.get(each.id), now, since)) for each in await rows.listed(connection)]
        return [(before, after) for before, after in both if before != after]

    def _judged(self, watchdog: Watchdog, word: datetime | None, now: datetime, since: datetime) -> Watchdog:
        heard = word is not None and word > watchdog.heard_at
        after = watchdog.after(word, since) if heard and word else watchdog
        silent = now - max(after.heard_at, since)
        if after.overdue_since is None and silent > after.limit(self._expected.within):
            return after.model_copy(update={"overdue_since": now, "told": after.told + 1})
        return after.model_copy(update={"overdue_since": None}) if heard else after

    async def _tell(self, connection: Connection, before: Watchdog, after: Watchdog, now: datetime) -> None:
        if (before.overdue_since is None) == (after.overdue_since is None):
            return
        occasion = Occasion.OPENED if after.overdue_since else Occasion.RESOLVED
        log.warning("Watchdog overdue" if after.overdue_since else "Watchdog is back", source=after.source)
        await outbox.put_watchdog(connection, after.id, self._channels, occasion, after.told, now)

    def _listening(self, now: datetime) -> datetime:
        """Since when we have listened without a break: what came while we did not run, or stood still, is unheard."""
        broken = self._looked_at is None or abs(now - self._looked_at) > timedelta(seconds=6 * LONGEST_ROUND_SECONDS)
        self._looked_at = now
        if broken or self._listening_since is None:
            self._listening_since = now
        return self._listening_since

    def _round_seconds(self) -> float:
        within = self._expected.within
        return LONGEST_ROUND_SECONDS if within is None else min(LONGEST_ROUND_SECONDS, within.total_seconds() / 4)
