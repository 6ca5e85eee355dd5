"""The two pieces of work that survive a kill: analysing an incident, and telling one channel one thing.

Neither ever sleeps: settling and retry times are rows with a due time (services/reconciler.py), for a workflow that
waits would hold a place in its queue.
"""

from collections.abc import Callable

import structlog

from aiops_processor.durable.engine import Engine
from aiops_processor.services.analysis import SKIP, WITH_MODEL, Analysis
from aiops_processor.services.notifier import Telling

log = structlog.get_logger(__name__)

ANALYSE = "analyse"
EXPLAIN = "explain"
DELIVER = "deliver"


def register(
    engine: Engine,
    analysis: Analysis,
    telling: Telling,
    *,
    done: Callable[[], None],
    analyses_at_once: int = 16,
    model_calls_at_once: int = 16,
    deliveries_at_once: int = 32,
) -> None:
    """Tell the engine what to do; before its launch. `done` is called when an analysis has put out its messages."""

    async def analyse(incident_id: int, generation: int) -> None:
        try:
            await run(incident_id, generation)
        except Exception as error:  # the incident must end in a state that people see
            log.exception("analysis failed", incident=incident_id)
            await engine.step("fail", analysis.fail, incident_id, f"{type(error).__name__}: {error}")

    async def run(incident_id: int, generation: int) -> None:
        mode = await engine.step("begin", analysis.begin, incident_id, generation)
        if mode == SKIP:
            return
        await engine.step("gather", analysis.gather, incident_id, generation)
        if mode == WITH_MODEL:  # a workflow of its own, for calls of the model have a limit of their own
            await engine.call(EXPLAIN, f"explain:{incident_id}:{generation}", incident_id, generation)
        else:
            await engine.step("explain", analysis.explain, incident_id, generation)
        await engine.step("tell", analysis.tell, incident_id, generation)
        done()

    async def explain(incident_id: int, generation: int) -> None:
        await engine.step("explain", analysis.explain, incident_id, generation)

    async def deliver(delivery_id: int, attempt: int) -> None:
        await engine.step("deliver", telling.deliver, delivery_id, attempt)

    engine.register(ANALYSE, analyse, at_once=analyses_at_once)
    engine.register(EXPLAIN, explain, at_once=model_calls_at_once)
    engine.register(DELIVER, deliver, at_once=deliveries_at_once)


class Work:
    """What the reconciler starts, by name; the same piece twice is one piece."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def analyse(self, incident_id: int, generation: int) -> None:
        await self._engine.start(ANALYSE, f"incident:{incident_id}:{generation}", incident_id, generation)

    async def analyse_now(self, incident_id: int, generation: int) -> None:
        """Start it and return when it has ended."""
        await self.analyse(incident_id, generation)
        await self._engine.finished(f"incident:{incident_id}:{generation}")

    async def take_over(self, executor_ids: list[str] | None) -> int:
        return await self._engine.take_over(executor_ids)

    async def deliver(self, delivery_id: int, attempt: int) -> None:
        await self._engine.start(DELIVER, f"delivery:{delivery_id}:{attempt}", delivery_id, attempt)
