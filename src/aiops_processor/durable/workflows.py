"""The two pieces of work that survive a kill: analysing an incident, and telling one channel one thing.

Neither ever sleeps: settling and retry times are rows with a due time
(services/upkeep/reconciler.py), for a workflow that waits would hold a place in its queue.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from aiops_processor.durable.engine import Engine, Workflow
from aiops_processor.durable.plain_json import reason
from aiops_processor.errors import StorageBusy
from aiops_processor.services.analysing.analysis import SKIP, WITH_MODEL, Analysis
from aiops_processor.services.telling.notifier import Telling

log = structlog.get_logger(__name__)

ANALYSE = "analyse"
GATHER = "gather"
EXPLAIN = "explain"
DELIVER = "deliver"

STORE_AWAY_SECONDS = 600
FIRST_WAIT_SECONDS = 0.5
MOST_WAIT_SECONDS = 5.0


def register(
    engine: Engine,
    analysis: Analysis,
    telling: Telling,
    *,
    done: Callable[[], None],
    analyses_at_once: int = 16,
    gatherings_at_once: int = 16,
    model_calls_at_once: int = 16,
    deliveries_at_once: int = 32,
) -> None:
    """Tell the engine what to do; before its launch.

    `done` is called when something has ended: there is room for more, an analysis has put out its messages, and what
    waited behind a message may follow. The limits are those of this process, but those of gatherings and of model calls
    are of all processes together.
    """

    async def step(name: str, function: Workflow, *arguments: str | int) -> Any:
        return await engine.step(name, patient(function), *arguments)

    async def analyse(incident_id: int, generation: int) -> None:
        try:
            await run(incident_id, generation)
        except StorageBusy:
            raise  # nothing is wrong with the analysis: it goes on, or begins anew, when the store is back
        except Exception as error:  # the incident must end in a state that people see
            log.exception("analysis failed", incident=incident_id)
            await step("fail", analysis.fail, incident_id, generation, reason(error))
        done()

    async def run(incident_id: int, generation: int) -> None:
        mode, priority = await step("begin", analysis.begin, incident_id, generation)
        if mode == SKIP:
            return
        await called(GATHER, incident_id, generation, priority)
        if mode == WITH_MODEL:
            await called(EXPLAIN, incident_id, generation, priority)
        else:
            await step("explain", analysis.explain, incident_id, generation)
        await step("tell", analysis.tell, incident_id, generation)

    async def called(name: str, incident_id: int, generation: int, priority: int) -> None:
        """A workflow of its own, for it has a limit of its own."""
        await engine.call(name, f"{name}:{incident_id}:{generation}", incident_id, generation, priority=priority)

    async def gather(incident_id: int, generation: int) -> None:
        await step("gather", analysis.gather, incident_id, generation)

    async def explain(incident_id: int, generation: int) -> None:
        await step("explain", analysis.explain, incident_id, generation)

    async def deliver(delivery_id: int, attempt: int) -> None:
        await step("deliver", telling.deliver, delivery_id, attempt)
        done()

    engine.register(ANALYSE, analyse, at_once=analyses_at_once)
    engine.register(GATHER, gather, at_once=gatherings_at_once, in_fleet=gatherings_at_once)
    engine.register(EXPLAIN, explain, at_once=model_calls_at_once, in_fleet=model_calls_at_once)
    engine.register(DELIVER, deliver, at_once=deliveries_at_once)


def patient(function: Workflow) -> Workflow:
    """The same, tried again while our own store is away: a step that failed would be over for good."""

    async def again(*arguments: str | int) -> Any:
        waited, wait = 0.0, FIRST_WAIT_SECONDS
        while True:
            try:
                return await function(*arguments)
            except StorageBusy as error:
                if waited > STORE_AWAY_SECONDS:
                    raise
                log.warning("the store did not answer, will try again", error=str(error), seconds=wait)
            await asyncio.sleep(wait)
            waited, wait = waited + wait, min(wait * 2, MOST_WAIT_SECONDS)

    return again


class Work:
    """What the reconciler starts, by name; the same piece twice is one piece."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def analyse(self, incident_id: int, generation: int) -> None:
        await self._engine.start(ANALYSE, _analysis_id(incident_id, generation), incident_id, generation)

    async def analyse_now(self, incident_id: int, generation: int) -> None:
        """Start it and return when it has ended."""
        await self.analyse(incident_id, generation)
        await self._engine.finished(_analysis_id(incident_id, generation))

    async def analysis_ended(self, incident_id: int, generation: int) -> bool:
        return await self._engine.ended(_analysis_id(incident_id, generation))

    async def forget_analysis(self, incident_id: int, generation: int) -> None:
        await self._engine.forget(_analysis_id(incident_id, generation))

    async def deliver(self, delivery_id: int, attempt: int) -> None:
        await self._engine.start(DELIVER, f"delivery:{delivery_id}:{attempt}", delivery_id, attempt)

    async def revive(self) -> None:
        dropped = await self._engine.dropped()
        if dropped:
            log.warning("goes on with work that was dropped", workflows=len(dropped))
            await self._engine.resume(dropped)

    def room_for_analyses(self) -> int:
        return self._engine.room(ANALYSE)

    def room_for_deliveries(self) -> int:
        return self._engine.room(DELIVER)


def _analysis_id(incident_id: int, generation: int) -> str:
    return f"incident:{incident_id}:{generation}"
