"""What the endpoints are given: the parts of the running service."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from aiops_processor.clock import Clock
from aiops_processor.services.acting.actions import Actions
from aiops_processor.services.changes import Changes
from aiops_processor.services.grouping.incidents import Incidents
from aiops_processor.services.receiving.ingest import Ingest
from aiops_processor.services.telling.presses import Presses
from aiops_processor.services.upkeep.health import Health
from aiops_processor.storage.database import Database
from aiops_processor.telemetry import Metrics
from aiops_processor.web.edge.bodies import BodyReader

ANALYSES_AT_ONCE = 16


@dataclass
class Waiting:
    """How much work waits, as last counted (seconds of the monotonic clock)."""

    size: int = 0
    counted_at: float = float("-inf")


@dataclass(frozen=True)
class Service:
    """Opened at start, closed at the end; see app.py.

    `analyse(incident_id, generation)` does an analysis that is claimed and returns when it has ended.
    """

    database: Database
    ingest: Ingest
    incidents: Incidents
    health: Health
    metrics: Metrics
    clock: Clock
    analyse: Callable[[int, int], Awaitable[None]]
    changes: Changes
    actions: Actions
    presses: Presses
    waiting: Waiting = field(default_factory=Waiting)
    bodies: BodyReader = field(default_factory=BodyReader)
    by_hand: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ANALYSES_AT_ONCE))


async def running_service(request: Request) -> Service:
    """Asynchronous only so that FastAPI does not send it to a thread, which costs more than all else of a request."""
    return request.app.state.service


Running = Annotated[Service, Depends(running_service)]
