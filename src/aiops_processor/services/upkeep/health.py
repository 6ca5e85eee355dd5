"""Is everything that the service needs there? Asked often, so answers about the sources are kept a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from aiops_processor.errors import AiopsError
from aiops_processor.models.base import Frozen

KEEP_SECONDS = 15
PROBE_SECONDS = 5

Probe = Callable[[], Awaitable[None]]
"""Raises an AiopsError unless the thing is well."""


class Check(Frozen):
    """One thing that the service needs."""

    status: Literal["up", "down", "not configured"]
    detail: str = ""


class HealthReport(Frozen):
    """`healthy`: all is there. `degraded`: alerts are taken and told, with less evidence. `unhealthy`: our own store
    does not answer, so no alert can be taken."""

    status: Literal["healthy", "degraded", "unhealthy"]
    version: str
    checks: dict[str, Check]

    def for_strangers(self) -> "HealthReport":
        """The same without the details, which name addresses within, and what is said there."""
        return self.model_copy(update={"checks": {name: Check(status=it.status) for name, it in self.checks.items()}})


class Health:
    """Probes our own store and the sources. `probes` by name; None stands for what is not configured."""

    def __init__(self, store: Probe, probes: Mapping[str, Probe | None], version: str) -> None:
        self._store = store
        self._probes = probes
        self._version = version
        self._kept: dict[str, Check] = {}
        self._kept_at = float("-inf")
        self._asking = asyncio.Lock()

    def use(self, probes: Mapping[str, Probe | None]) -> None:
        """From now on ask these; what was kept is forgotten."""
        self._probes = probes
        self._kept_at = float("-inf")

    async def report(self) -> HealthReport:
        """The state of everything; that of the sources is at most 15 s old."""
        store = await _ask(self._store)
        sources = await self._sources()
        down = any(check.status == "down" for check in sources.values())
        status = "unhealthy" if store.status == "down" else "degraded" if down else "healthy"
        return HealthReport(status=status, version=self._version, checks={"store": store, **sources})

    async def ready(self) -> bool:
        """Can alerts be taken?"""
        return (await _ask(self._store)).status == "up"

    async def _sources(self) -> dict[str, Check]:
        async with self._asking:
            if time.monotonic() - self._kept_at >= KEEP_SECONDS:
                probes = self._probes
                answers = await asyncio.gather(*map(_ask, probes.values()))
                self._kept = dict(zip(probes, answers, strict=True))
                self._kept_at = time.monotonic() if probes is self._probes else float("-inf")
        return self._kept


async def _ask(probe: Probe | None) -> Check:
    if probe is None:
        return Check(status="not configured")
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await probe()
    except AiopsError as error:
        return Check(status="down", detail=str(error))
    except TimeoutError:
        return Check(status="down", detail=f"no answer within {PROBE_SECONDS} s")
    return Check(status="up")
