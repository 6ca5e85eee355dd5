"""A running process: everything opened, migrated and at work, for `aiops serve` and for `aiops worker`."""

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import sqlalchemy as sa

from aiops_processor.clients.slack import SlackAnswers
from aiops_processor.clock import Clock
from aiops_processor.durable import workflows
from aiops_processor.durable.engine import Engine
from aiops_processor.parts import Parts, outbound
from aiops_processor.parts.acting import slack_sockets
from aiops_processor.parts.plugging import Plugged
from aiops_processor.reload import Reloading
from aiops_processor.services.acting.actions import Actions
from aiops_processor.services.acting.doing import Acting
from aiops_processor.services.analysing.analysis import Analysis
from aiops_processor.services.analysing.analyzer import Analyzer
from aiops_processor.services.analysing.pace import SharedPace
from aiops_processor.services.changes import Changes
from aiops_processor.services.grouping.filtering import Filtering
from aiops_processor.services.grouping.incidents import Incidents
from aiops_processor.services.own import Events, Ordering, Own
from aiops_processor.services.receiving.ingest import Ingest
from aiops_processor.services.telling.notifier import Telling
from aiops_processor.services.telling.presses import Presses
from aiops_processor.services.telling.reminders import SECONDS as REMINDERS_SECONDS
from aiops_processor.services.telling.reminders import Reminders
from aiops_processor.services.upkeep.health import Health
from aiops_processor.services.upkeep.heartbeat import Heartbeat
from aiops_processor.services.upkeep.loop_watch import watching_loop
from aiops_processor.services.upkeep.pulse import Pulse
from aiops_processor.services.upkeep.reconciler import Reconciler
from aiops_processor.services.upkeep.retention import Retention
from aiops_processor.services.watching.missed import Missed
from aiops_processor.services.watching.reconstructed import Reconstructed
from aiops_processor.services.watching.rounds import Rounds
from aiops_processor.services.watching.watchdogs import Watchdogs
from aiops_processor.settings import Settings
from aiops_processor.storage.address import postgresql_url, sqlite_url, workflows_url
from aiops_processor.storage.data_folder import claim
from aiops_processor.storage.database import Database
from aiops_processor.storage.migrate import migrate
from aiops_processor.telemetry import Metrics
from aiops_processor.web.service import Service

VERSION = version("aiops-processor")
TELLING_SECONDS = 2.0
"""So long messages on their way may arrive when the process ends: what is cut off there is told twice."""


@dataclass(frozen=True)
class _Story:
    """The services that work with the parts, and are told when those are replaced."""

    analyzer: Analyzer
    analysis: Analysis
    telling: Telling
    incidents: Incidents
    watchdogs: Watchdogs
    health: Health
    own: Own
    metrics: Metrics
    actions: Actions
    presses: Presses

    @property
    def asked(self) -> tuple[Actions, Presses]:
        """What people ask for, on a page or in Slack."""
        return self.actions, self.presses

    @classmethod
    def of(cls, parts: Parts, database: Database, clock: Clock, metrics: Metrics) -> "_Story":
        analyzer = Analyzer(parts.gatherer, parts.explainer, clock, metrics, parts.mask)
        channels = list(parts.channels)
        own = Own(Filtering(clock, metrics), Ordering(database, clock), Events(database, clock))
        actions = Actions(database, clock, parts.acts)
        url, ask = parts.settings.aiops.external_url, actions.for_asking
        made = cls(
            analyzer=analyzer,
            analysis=Analysis(database, analyzer, clock, channels, metrics, parts.completing, own.events),
            telling=Telling(database, parts.channels, clock, metrics, url, parts.mask, parts.routing, ask, own.events),
            incidents=Incidents(database, clock, channels, parts.settling, parts.policy, own),
            watchdogs=Watchdogs(database, clock, channels, parts.policy.expected),
            health=Health(database.ping, parts.sources.probes, VERSION),
            own=own,
            metrics=metrics,
            actions=actions,
            presses=Presses(database, clock, actions, SlackAnswers(outbound(parts.settings))),
        )
        made.use_plugins(parts)
        return made

    def use(self, parts: Parts) -> None:
        """From now on new work is done with these."""
        channels = list(parts.channels)
        self.analyzer.use(parts.gatherer, parts.explainer, parts.mask)
        self.analysis.use(channels, parts.completing)
        self.telling.use(parts.channels, parts.settings.aiops.external_url, parts.mask, parts.routing)
        self.incidents.use(channels, parts.settling, parts.policy)
        self.watchdogs.use(channels, parts.policy.expected)
        self.health.use(parts.sources.probes)
        self.actions.use(parts.acts)
        self.presses.answers.gate = outbound(parts.settings)
        self.use_plugins(parts)

    def use_plugins(self, parts: Parts) -> None:
        """From now on ask and tell these."""
        plugged = parts.plugged
        self.own.filtering.use(plugged.filters)
        self.own.ordering.use(plugged.orders)
        self.own.events.use(plugged.listeners, parts.settings.aiops.external_url)
        self.metrics.use(plugged.registries)


class _Watching:
    """The services that look after what nobody tells us: alerts that were never sent, and what has had its time."""

    def __init__(self, parts: Parts, database: Database, ingest: Ingest, engine: Engine, clock: Clock) -> None:
        self._new_missed = partial(Missed, database, ingest, clock)
        self._new_reconstructed = partial(Reconstructed, database, clock)
        self._missed: dict[str, Missed] = {}
        self._reconstructed: dict[str, Reconstructed] = {}
        self._rounds = Rounds(clock)
        self._reminders = Reminders(database, clock, parts.routing)
        self._reminding = Rounds(clock)
        self._reminding.use((self._reminders,), REMINDERS_SECONDS)
        self._retention = Retention(database, engine, clock, parts.keeping)
        self.use(parts)

    def use(self, parts: Parts) -> None:
        """From now on ask these, and keep things so long. A source that stays is not forgotten."""
        watched = parts.watched
        owners = [name for name, source in watched.items() if source.owns]
        self._missed = {name: self._missed.get(name) or self._new_missed(name) for name in watched}
        self._reconstructed = {name: self._reconstructed.get(name) or self._new_reconstructed(name) for name in owners}
        for name, missed in self._missed.items():
            source = watched[name]
            missed.use(source.alertmanagers, source.prometheus, source.receivers, source.patience)
        for name, reconstructed in self._reconstructed.items():
            reconstructed.use(watched[name].prometheus, parts.policy, watched[name].patience)
        looks = (*self._missed.values(), *self._reconstructed.values())
        self._rounds.use(looks, min(source.patience.round_seconds for source in watched.values()))
        self._retention.use(parts.keeping)
        self._reminders.use(parts.routing)

    def loops(self) -> Iterator[Coroutine[Any, Any, None]]:
        return (each.run() for each in (self._rounds, self._reminding, self._retention))


@contextlib.asynccontextmanager
async def running(
    settings: Settings,
    clock: Clock,
    metrics: Metrics,
    read: Callable[[], Settings] | None = None,
    renewed: Callable[[Settings], None] = lambda _: None,
    plugged: Callable[[Plugged], None] = lambda _: None,
) -> AsyncIterator[Service]:
    """Everything opened, migrated and at work; closed in the opposite order at the end.

    With `read` SIGHUP puts the settings that it gives into force; `renewed` is told of them,
    `plugged` of the plugins, of the first ones too.
    """
    async with contextlib.AsyncExitStack() as stack:
        database = await stack.enter_async_context(claimed_database(settings))
        await asyncio.to_thread(migrate, database.url)
        changes = Changes(database, clock, metrics)
        pace = SharedPace(database, clock)

        def made(new: Settings, opened: contextlib.AsyncExitStack) -> Parts:
            return Parts.of(new, clock, metrics, changes, pace, opened)

        async with contextlib.AsyncExitStack() as opened:
            parts = made(settings, opened)
            opened.pop_all()
        story = _Story.of(parts, database, clock, metrics)
        plugged(parts.plugged)

        def use(new: Parts) -> None:
            story.use(new)
            watching.use(new)
            pulse.use(new.heartbeat)
            renewed(new.settings)
            plugged(new.plugged)

        reloading = Reloading(parts, read or (lambda: settings), made, use, clock)
        stack.push_async_callback(reloading.aclose)

        engine = Engine(workflows_url(database.url), uuid.uuid4().hex)
        work = workflows.Work(engine)
        reconciler = Reconciler(database, story.incidents, work, clock)
        workflows.register(
            engine, story.analysis, story.telling, done=reconciler.poke, gatherings_at_once=parts.gatherings
        )
        await stack.enter_async_context(_at_work(engine, database, clock, reconciler))
        ingest = Ingest(database, clock, metrics, reconciler.poke)
        watching = _Watching(parts, database, ingest, engine, clock)
        acting = Acting(database, story.actions, clock, metrics)
        stack.push_async_callback(story.presses.answers.aclose)
        sockets = (each.run() for each in slack_sockets(settings, story.presses.take, clock, outbound(settings)))
        pulse = Pulse(story.health.ready, clock, parts.heartbeat)
        ours = (ingest.run(), reconciler.run(), story.watchdogs.run(), acting.run(), pulse.run())
        for loop in (*ours, *story.own.loops(), *watching.loops(), *sockets):
            stack.push_async_callback(_stop, asyncio.create_task(loop))
        stack.enter_context(watching_loop())
        if read is not None:
            stack.enter_context(reloading.on_hangup())
        yield Service(
            database, ingest, story.incidents, story.health, metrics, clock, work.analyse_now, changes, *story.asked
        )


@contextlib.asynccontextmanager
async def claimed_database(settings: Settings) -> AsyncIterator[Database]:
    """The application's database, which answers; SQLite files are ours alone until the end.

    Raises ConfigError where it cannot be, StorageError where it does not answer.
    """
    with contextlib.ExitStack() as stack:
        if not settings.database.url:
            stack.enter_context(claim(settings.data_dir))
        database = Database(database_url(settings))
        try:
            await database.ping()  # says why it cannot be reached; the driver that migrates does not
            yield database
        finally:
            await database.close()


def database_url(settings: Settings) -> sa.URL:
    """DATABASE_URL, else the SQLite file in the data directory."""
    if settings.database.url:
        return postgresql_url(settings.database.url.get_secret_value())
    return sa.make_url(sqlite_url(settings.data_dir))


@contextlib.asynccontextmanager
async def _at_work(engine: Engine, database: Database, clock: Clock, reconciler: Reconciler) -> AsyncIterator[None]:
    """The workflow engine, going on with what dead processes left."""
    if database.sqlite:  # the folder is ours alone, so whatever has not ended belongs to the dead
        await engine.launch()
        await engine.resume(await engine.unfinished())
        try:
            yield
        finally:
            await _ended(engine)
        return
    host = socket.gethostname()
    heartbeat = Heartbeat(database, engine, clock, engine.executor_id, host, taken_over=reconciler.sweep_now)
    await heartbeat.beat()
    await engine.launch()
    beating = asyncio.create_task(heartbeat.run())
    try:
        yield
    finally:
        await _stop(beating)
        await _ended(engine)
        await heartbeat.leave()


async def _ended(engine: Engine) -> None:
    await engine.drain(workflows.DELIVER, TELLING_SECONDS)
    await engine.close()


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
