"""DBOS behind a thin port: workflows whose finished steps are never done again, however the process ends.

DBOS is one instance a process; this module is the only one that knows it. The guards that are here, each shown to
be needed (docs/decisions/0002-durable-workflows.md): write-ahead logging before launch, a file of its own, an
executor id of this process alone, a fixed application version, plain JSON in every step.
"""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID

NAME = "aiops-processor"
VERSION = "1"  # raise it by hand when the order of a workflow's steps changes: work in flight then waits for old code
POLL_SECONDS = 0.1

Workflow = Callable[..., Coroutine[Any, Any, Any]]


class WorkflowFailed(Exception):
    """A workflow ended in an error, as it was stored: the type's name and the message."""


class Engine:
    """Runs workflows in this process and remembers their steps in a database.

    A workflow starts where it is started: our own tables say what is due and who took it, so no queue is polled.
    `url` is a SQLAlchemy address for DBOS's own tables. Workflows are registered before `launch`, which must run in
    the event loop that the workflows shall run in.
    """

    def __init__(self, url: str, executor_id: str) -> None:
        self.executor_id = executor_id
        self._url = url
        self._workflows: dict[str, Workflow] = {}

    def register(self, name: str, workflow: Workflow, *, at_once: int) -> None:
        """Give a workflow a name; of this one `at_once` run in this process, the others wait for a place."""
        places = asyncio.Semaphore(at_once)

        async def in_turn(*arguments: str | int) -> Any:
            async with places:
                return await workflow(*arguments)

        self._workflows[name] = in_turn

    def launch(self) -> None:
        """Create DBOS's tables and start its threads. Work that others left is picked up by `take_over`."""
        _prepare_sqlite(self._url)
        config: DBOSConfig = {
            "name": NAME,
            "system_database_url": self._url,
            "executor_id": self.executor_id,
            "application_version": VERSION,
            "serializer": JsonSerializer(),
            "log_level": "WARNING",
            "console_log_level": "WARNING",
        }
        DBOS(config=config)
        _quiet_dbos_logger()
        for name, workflow in list(self._workflows.items()):
            self._workflows[name] = DBOS.workflow(name=name)(workflow)
        DBOS.launch()

    async def start(self, name: str, workflow_id: str, *arguments: str | int) -> None:
        """Start a workflow; one with this id that was started before, here or elsewhere, is left as it is."""
        with SetWorkflowID(workflow_id):
            await DBOS.start_workflow_async(self._workflows[name], *arguments)

    async def finished(self, workflow_id: str) -> None:
        """Wait until a workflow has ended. Raises what it raised."""
        handle = await DBOS.retrieve_workflow_async(workflow_id)
        await handle.get_result(polling_interval_sec=POLL_SECONDS)

    async def call(self, name: str, workflow_id: str, *arguments: str | int) -> Any:
        """From inside a workflow: run another, with the limits of its own, and wait for its result."""
        with SetWorkflowID(workflow_id):
            handle = await DBOS.start_workflow_async(self._workflows[name], *arguments)
        return await handle.get_result(polling_interval_sec=POLL_SECONDS)

    async def step(self, name: str, function: Workflow, *arguments: str | int) -> Any:
        """From inside a workflow: do something once, and remember its result (plain JSON)."""
        return await DBOS.run_step_async({"name": name}, function, *arguments)

    async def take_over(self, executor_ids: Sequence[str] | None) -> int:
        """Go on with the interrupted work of dead processes; None means of all but this one.

        Returns how many workflows that were. They pass through DBOS's internal queue, within a second.
        """
        interrupted = await DBOS.list_workflows_async(
            status="PENDING", executor_id=list(executor_ids) if executor_ids else None, load_input=False
        )
        ids = [workflow.workflow_id for workflow in interrupted if workflow.executor_id != self.executor_id]
        if ids:
            await DBOS.resume_workflows_async(ids)
        return len(ids)

    async def forget_finished(self, before_iso: str) -> None:
        """Delete workflows that ended before this time; their results live in our own tables."""
        old = await DBOS.list_workflows_async(
            status=["SUCCESS", "ERROR", "CANCELLED"], completed_before=before_iso, limit=1000, load_input=False
        )
        if old:
            await DBOS.delete_workflows_async([workflow.workflow_id for workflow in old])

    async def close(self, drain_seconds: int = 0) -> None:
        """Stop taking work; wait so long for what runs. The rest is taken over by the next process."""
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True, workflow_completion_timeout_sec=drain_seconds)


class JsonSerializer(Serializer):
    """Plain JSON: readable in the database, and loading it runs no code, as DBOS's default (pickle) would."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=_plain)

    def deserialize(self, serialized_data: str) -> Any:  # type: ignore[override] - the library names its self `cls`
        data = json.loads(serialized_data)
        if isinstance(data, dict) and "$error" in data:
            return WorkflowFailed(f"{data['$error']}: {data['message']}")
        return data

    def name(self) -> str:
        return "aiops_json"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseException):
        return {"$error": type(value).__name__, "message": str(value)}
    raise TypeError(f"a step returned {type(value).__name__}; only plain JSON is kept")


def _prepare_sqlite(url: str) -> None:
    """Write-ahead logging is a property of the file; DBOS does not set it, and is four times slower without."""
    if url.startswith("sqlite"):
        path = Path(url.partition("///")[2])
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.close()


def _quiet_dbos_logger() -> None:
    """DBOS writes to a handler of its own; our log has one form."""
    logger = logging.getLogger("dbos")
    logger.handlers.clear()
    logger.propagate = True
