"""DBOS behind a thin port: workflows whose finished steps are never done again, however the process ends.

DBOS is one instance a process; this module is the only one that knows it. The guards that are here, each shown to
be needed (docs/decisions/0002-durable-workflows.md): write-ahead logging before launch, a file or a schema of its
own, an executor id of this process alone, a fixed application version, plain JSON in every step.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID

from aiops_processor.durable.plain_json import JsonSerializer
from aiops_processor.durable.postgresql import connections
from aiops_processor.services.upkeep.heartbeat import Interrupted
from aiops_processor.storage.address import as_text, is_sqlite

NAME = "aiops-processor"
VERSION = "1"  # raise it by hand when the order of a workflow's steps changes: work in flight then waits for old code
SCHEMA = "dbos"  # of PostgreSQL
POLL_SECONDS = 0.1
QUEUE_POLL_SECONDS = 0.2
POOL_SIZE = 8
ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
FORGOTTEN_AT_ONCE = 500
MIDDLE_PRIORITY = 1_000_000  # DBOS knows those from 1 to two thousand million; ours may be below nought
STARTED_SECONDS = 5  # so long after it was written down, a piece of work certainly runs
CUT_OFF_SECONDS = 2.0  # so long what is cut off may take to put its things away
STARTED_TWICE = "Workflow already exists in queue"

Workflow = Callable[..., Coroutine[Any, Any, Any]]


@dataclass
class _Kind:
    """A registered workflow: what runs of it here, how many may, and how many may in all processes together.

    `limited` is the same within another workflow, as a part of it.
    """

    workflow: Workflow
    limited: Workflow
    at_once: int
    in_fleet: int | None
    running: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def room(self) -> int:
        return max(0, self.at_once - len(self.running))


class Engine:
    """Runs workflows in this process and remembers their steps in a database.

    A workflow starts where it is started: our own tables say what is due and who took it, so no queue is polled,
    except for what has a limit over all processes. `url` is where DBOS keeps its own tables. Workflows are
    registered before `launch`, which must run in the event loop that the workflows shall run in.
    """

    def __init__(self, url: sa.URL, executor_id: str) -> None:
        self.executor_id = executor_id
        self._url = url
        self._closing = threading.Event()
        self._connections = None if is_sqlite(url) else connections(url, POOL_SIZE, self._closing)
        self._expected = _Expected(self._closing)
        self._kinds: dict[str, _Kind] = {}
        self._running: set[str] = set()

    def register(self, name: str, workflow: Workflow, *, at_once: int, in_fleet: int | None = None) -> None:
        """Give a workflow a name; of this one `at_once` run in this process, the others wait for a place.

        `in_fleet` limits how many run in all processes together; one process alone needs no such limit, so on SQLite
        it means nothing.
        """
        places = asyncio.Semaphore(at_once)

        async def limited(*arguments: str | int) -> Any:
            async with places:
                return await workflow(*arguments)

        async def counted(*arguments: str | int) -> Any:
            workflow_id, task = DBOS.workflow_id or "", asyncio.current_task()
            if self._closing.is_set() or task is None:
                raise asyncio.CancelledError  # as if it had been cut off a moment later
            kind.running.add(task)
            self._running.add(workflow_id)
            try:
                return await limited(*arguments)
            finally:
                self._running.discard(workflow_id)
                kind.running.discard(task)

        kind = self._kinds[name] = _Kind(counted, limited, at_once, None if is_sqlite(self._url) else in_fleet)

    def room(self, name: str) -> int:
        """How many more of this workflow would run here at once."""
        return self._kinds[name].room

    async def launch(self) -> None:
        """Create DBOS's tables and start its threads. Work that others left is picked up by `resume`."""
        _prepare_sqlite(self._url)
        DBOS(config=self._config())
        _quiet_dbos_logger(self._expected)
        for name, kind in self._kinds.items():
            kind.workflow = DBOS.workflow(name=name)(kind.workflow)
        DBOS.launch()
        for name, kind in self._kinds.items():
            if kind.in_fleet:
                await DBOS.register_queue_async(
                    name,
                    global_concurrency=kind.in_fleet,
                    worker_concurrency=min(kind.at_once, kind.in_fleet),
                    polling_interval_sec=QUEUE_POLL_SECONDS,
                    on_conflict="always_update",
                )

    async def start(self, name: str, workflow_id: str, *arguments: str | int) -> None:
        """Start a workflow; one with this id that was started before, here or elsewhere, is left as it is."""
        with SetWorkflowID(workflow_id):
            await DBOS.start_workflow_async(self._kinds[name].workflow, *arguments)

    async def finished(self, workflow_id: str) -> None:
        """Wait until a workflow has ended. Raises what it raised."""
        handle = await DBOS.retrieve_workflow_async(workflow_id)
        await handle.get_result(polling_interval_sec=POLL_SECONDS)

    async def call(self, name: str, workflow_id: str, *arguments: str | int, priority: int = 0) -> Any:
        """From inside a workflow: run another, with the limits of its own, and wait for its result.

        Where it has a limit over all processes, any of them may run it, and what has a smaller `priority` is taken
        sooner. Where it has none its steps become those of the workflow that calls, which writes two rows less.
        """
        kind = self._kinds[name]
        if not kind.in_fleet:
            return await kind.limited(*arguments)
        with SetWorkflowID(workflow_id), SetEnqueueOptions(priority=MIDDLE_PRIORITY + priority):
            handle = await DBOS.enqueue_workflow_async(name, kind.workflow, *arguments)
        return await handle.get_result(polling_interval_sec=POLL_SECONDS)

    async def step(self, name: str, function: Workflow, *arguments: str | int) -> Any:
        """From inside a workflow: do something once, and remember its result (plain JSON)."""
        return await DBOS.run_step_async({"name": name}, function, *arguments)

    async def unfinished(self) -> list[Interrupted]:
        """What has begun in other processes, alive or dead, and has not ended."""
        begun = await DBOS.list_workflows_async(status="PENDING", load_input=False)
        return [
            Interrupted(workflow.workflow_id, workflow.name, workflow.executor_id or "")
            for workflow in begun
            if workflow.executor_id != self.executor_id
        ]

    async def dropped(self) -> list[Interrupted]:
        """What began here, has not ended and does not run any more: its database was away when a step ended."""
        begun = await DBOS.list_workflows_async(status="PENDING", executor_id=self.executor_id, load_input=False)
        before = (time.time() - STARTED_SECONDS) * 1000
        return [
            Interrupted(workflow.workflow_id, workflow.name, self.executor_id)
            for workflow in begun
            if workflow.workflow_id not in self._running and (workflow.updated_at or 0) < before
        ]

    async def resume(self, work: Iterable[Interrupted]) -> None:
        """Go on with the interrupted work of dead processes, after its last finished step.

        It passes through a queue that every process looks at, within a second; what has a limit over all processes
        through its own.
        """
        queues: dict[str | None, list[str]] = {}
        for interrupted in work:
            kind = self._kinds.get(interrupted.name)
            queue = interrupted.name if kind and kind.in_fleet else None
            queues.setdefault(queue, []).append(interrupted.workflow_id)
        for queue, ids in queues.items():
            await DBOS.resume_workflows_async(ids, queue_name=queue)

    async def ended(self, workflow_id: str) -> bool:
        """Whether it has ended, well or not; False for one that was never started."""
        return bool(
            await DBOS.list_workflows_async(
                workflow_ids=[workflow_id], status=ENDED, load_input=False, load_output=False
            )
        )

    async def forget(self, workflow_id: str) -> None:
        """Delete it and what it called: started again, it begins with its first step."""
        await DBOS.delete_workflows_async([workflow_id], delete_children=True)

    async def forget_finished(self, before: datetime, at_once: int = FORGOTTEN_AT_ONCE) -> int:
        """Delete some workflows that ended before this time; their results live in our own tables.

        Returns how many; 0 when none is left. On SQLite the disk gets their room back.
        """
        old = await DBOS.list_workflows_async(
            status=ENDED,
            completed_before=before.astimezone(UTC).isoformat(),
            limit=at_once,
            load_input=False,
            load_output=False,
        )
        if old:
            await DBOS.delete_workflows_async([workflow.workflow_id for workflow in old])
            await asyncio.to_thread(_shrink_sqlite, self._url)
        return len(old)

    async def drain(self, name: str, seconds: float) -> None:
        """Wait so long, at most, for what runs of this workflow."""
        if running := self._kinds[name].running:
            await asyncio.wait(set(running), timeout=seconds)

    async def close(self) -> None:
        """Take no more work, and cut off what runs: another process, or the next, goes on after its last finished step.

        Before DBOS ends, which takes away its threads: each step would fail there, and its workflow with it.
        """
        self._closing.set()
        running = [task for kind in self._kinds.values() for task in kind.running]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=CUT_OFF_SECONDS)
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        logging.getLogger("dbos").removeFilter(self._expected)
        if self._connections is not None:
            self._connections.dispose()

    def _config(self) -> DBOSConfig:
        return {
            "name": NAME,
            "system_database_url": as_text(self._url),
            "system_database_engine": self._connections,
            "dbos_system_schema": SCHEMA,
            "use_listen_notify": False,  # we wait for no events; listening costs a connection and a thread that spins
            "sys_db_pool_size": POOL_SIZE,
            "db_engine_kwargs": _engine_options(self._url),
            "executor_id": self.executor_id,
            "application_version": VERSION,
            "serializer": JsonSerializer(),
            "log_level": "WARNING",
            "console_log_level": "WARNING",
        }


def _prepare_sqlite(url: sa.URL) -> None:
    """Write-ahead logging is a property of the file; DBOS does not set it, and is four times slower without.

    So is it that room can be given back to the disk.
    """
    if is_sqlite(url):
        with sqlite3.connect(url.database or "") as connection:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            connection.execute("PRAGMA journal_mode=WAL")
        connection.close()


def _engine_options(url: sa.URL) -> dict[str, Any]:
    """No sync of the disk for each step on SQLite.

    A kill loses nothing by it; a power cut may lose the memory of the last steps, never their results, which stand in
    our own tables: those steps are done again, as after a kill in the middle of one.
    """
    return {"connect_args": {"factory": _Unsynced}} if is_sqlite(url) else {}


class _Unsynced(sqlite3.Connection):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.execute("PRAGMA synchronous=NORMAL")


def _shrink_sqlite(url: sa.URL) -> None:
    if is_sqlite(url):
        with sqlite3.connect(url.database or "", timeout=5) as connection:
            connection.execute("PRAGMA incremental_vacuum").fetchall()
        connection.close()


def _quiet_dbos_logger(expected: "_Expected") -> None:
    """DBOS writes to a handler of its own; our log has one form."""
    logger = logging.getLogger("dbos")
    logger.handlers.clear()
    logger.propagate = True
    logger.addFilter(expected)


class _Expected(logging.Filter):
    """Leaves out what DBOS says of work that we cut off, or start once more on purpose: nobody has to do anything."""

    def __init__(self, closing: threading.Event) -> None:
        super().__init__()
        self._closing = closing

    def filter(self, record: logging.LogRecord) -> bool:
        return not (self._closing.is_set() or str(record.msg).startswith(STARTED_TWICE))
