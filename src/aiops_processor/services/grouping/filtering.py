"""Filters before analysis: which alerts make no incident, and why. They are asked outside of any transaction."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from aiops_processor.clock import Clock
from aiops_processor.errors import PluginFault
from aiops_processor.models.alert import Alert
from aiops_processor.models.incident import Episode
from aiops_processor.plugins import Guarded
from aiops_processor.telemetry import Metrics

LONGEST_REASON = 500
AT_ONCE_SECONDS = 1.0
"""So long alerts are judged before people are told of what was: a filter that takes its time is not to hold up all."""


class Verdict(NamedTuple):
    """What filters said of an alert: why it makes no incident, "" where it does, and which of them failed."""

    reason: str = ""
    faults: tuple[str, ...] = ()


class Filtering:
    """Asks the filters one after the other; the first reason counts. One that fails lets the alert go on."""

    def __init__(
        self,
        clock: Clock,
        metrics: Metrics,
        filters: Sequence[Guarded[str | None]] = (),
        at_once_seconds: float = AT_ONCE_SECONDS,
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._at_once_seconds = at_once_seconds
        self._filters = tuple(filters)

    def use(self, filters: Sequence[Guarded[str | None]]) -> None:
        """From now on ask these; what was judged stays as it is."""
        self._filters = tuple(filters)

    @property
    def any(self) -> bool:
        return bool(self._filters)

    async def judge(self, episodes: Iterable[Episode]) -> Mapping[int, Verdict]:
        """What is to become of each, by its id; of one at least, and of as many as there is time for."""
        now, began = self._clock.now(), time.monotonic()
        found: dict[int, Verdict] = {}
        for episode in episodes:
            found[episode.id] = await self._judge(episode.alert, now)
            if time.monotonic() - began >= self._at_once_seconds:
                break
        return found

    def count(self, reasons: Iterable[str]) -> None:
        """Count those that made no incident, once that is committed."""
        for reason in reasons:
            self._metrics.alerts_filtered.labels(reason.partition(":")[0]).inc()

    async def _judge(self, alert: Alert, now: datetime) -> Verdict:
        faults: list[str] = []
        for each in self._filters:
            try:
                reason = await each(alert, now)
            except PluginFault as fault:
                faults.append(f"{fault}; the alert went on")
                continue
            if reason:
                return Verdict(_storable(f"{each.name}: {reason}"[:LONGEST_REASON]), tuple(faults))
        return Verdict(faults=tuple(faults))


def _storable(text: str) -> str:
    """Without halves of characters, as a plugin may have them from JSON: no database takes them."""
    return text.encode(errors="replace").decode()
