"""Prometheus and Loki with the answers that incidents share kept for a while.

Two incidents of one storm ask almost the same times. So times are made equal first: lists are asked from whole minute
to whole minute, a little wider than wanted, and values at whole multiples of their step.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from aiops_processor.clients.cache import Cache
from aiops_processor.clients.loki import Loki
from aiops_processor.clients.prometheus import Metadata, Prometheus, Rule
from aiops_processor.models.samples import Answer, Series, Stream

MINUTE = 60.0


class CachedPrometheus:
    """A Prometheus whose lists, rules, types and range answers are kept; other questions are passed on.

    `name` tells it from others in the cache and its metrics.
    """

    def __init__(self, prometheus: Prometheus, cache: Cache, name: str = "prometheus") -> None:
        self._prometheus = prometheus
        self._cache = cache
        self.name = name

    async def query(self, expr: str, at: datetime) -> Answer[list[Series]]:
        """Not kept: what incidents ask with it ends at their own time."""
        return await self._prometheus.query(expr, at)

    async def query_range(self, expr: str, start: datetime, end: datetime, step: float) -> Answer[list[Series]]:
        """Values at the multiples of `step` up to `end`; the first is at or less than a step before `start`."""
        first, last = _before(start, step), _before(end, step)
        return await self._cache.get(
            self.name,
            "range",
            (expr, first, last, step),
            lambda: self._prometheus.query_range(expr, first, last, step),
        )

    async def series(
        self, matchers: Sequence[str], start: datetime, end: datetime, limit: int = 1000
    ) -> Answer[list[dict[str, str]]]:
        first, last = _before(start, MINUTE), _after(end, MINUTE)
        return await self._cache.get(
            self.name,
            "series",
            (tuple(matchers), first, last, limit),
            lambda: self._prometheus.series(matchers, first, last, limit),
        )

    async def label_values(
        self, label: str, matchers: Sequence[str] = (), start: datetime | None = None, end: datetime | None = None
    ) -> Answer[list[str]]:
        first, last = start and _before(start, MINUTE), end and _after(end, MINUTE)
        return await self._cache.get(
            self.name,
            "labels",
            (label, tuple(matchers), first, last),
            lambda: self._prometheus.label_values(label, matchers, first, last),
        )

    async def labels(
        self, matchers: Sequence[str] = (), start: datetime | None = None, end: datetime | None = None
    ) -> Answer[list[str]]:
        first, last = start and _before(start, MINUTE), end and _after(end, MINUTE)
        return await self._cache.get(
            self.name,
            "labels",
            (tuple(matchers), first, last),
            lambda: self._prometheus.labels(matchers, first, last),
        )

    async def metadata(self) -> Answer[dict[str, Metadata]]:
        return await self._cache.get(self.name, "metadata", (), self._prometheus.metadata)

    async def rules(self) -> Answer[list[Rule]]:
        return await self._cache.get(self.name, "rules", (), self._prometheus.rules)

    async def version(self) -> str:
        return await self._prometheus.version()

    async def healthy(self) -> None:
        await self._prometheus.healthy()

    async def aclose(self) -> None:
        await self._prometheus.aclose()


class CachedLoki:
    """A Loki whose lists and counts are kept; lines are asked for each time. `name` as above."""

    def __init__(self, loki: Loki, cache: Cache, name: str = "loki") -> None:
        self._loki = loki
        self._cache = cache
        self.name = name

    async def query_range(
        self,
        logql: str,
        start: datetime,
        end: datetime,
        limit: int = 1000,
        direction: Literal["backward", "forward"] = "backward",
    ) -> Answer[list[Stream]]:
        return await self._loki.query_range(logql, start, end, limit, direction)

    async def query_metric(self, logql: str, start: datetime, end: datetime, step: float) -> Answer[list[Series]]:
        """Values at the multiples of `step`; the last at or after `end`: counts stand at the end of their time."""
        first, last = _before(start, step), _after(end, step)
        return await self._cache.get(
            self.name,
            "range",
            (logql, first, last, step),
            lambda: self._loki.query_metric(logql, first, last, step),
        )

    async def query(self, logql: str, at: datetime) -> Answer[list[Series]]:
        return await self._loki.query(logql, at)

    async def labels(self, start: datetime, end: datetime, selector: str = "") -> Answer[list[str]]:
        first, last = _before(start, MINUTE), _after(end, MINUTE)
        return await self._cache.get(
            self.name, "labels", (selector, first, last), lambda: self._loki.labels(first, last, selector)
        )

    async def label_values(self, label: str, start: datetime, end: datetime, selector: str = "") -> Answer[list[str]]:
        first, last = _before(start, MINUTE), _after(end, MINUTE)
        return await self._cache.get(
            self.name,
            "labels",
            (label, selector, first, last),
            lambda: self._loki.label_values(label, first, last, selector),
        )

    async def series(self, selectors: Sequence[str], start: datetime, end: datetime) -> Answer[list[dict[str, str]]]:
        first, last = _before(start, MINUTE), _after(end, MINUTE)
        return await self._cache.get(
            self.name,
            "series",
            (tuple(selectors), first, last),
            lambda: self._loki.series(selectors, first, last),
        )

    async def healthy(self) -> None:
        await self._loki.healthy()

    async def aclose(self) -> None:
        await self._loki.aclose()


def _before(at: datetime, step: float) -> datetime:
    return datetime.fromtimestamp(math.floor(at.timestamp() / step) * step, UTC)


def _after(at: datetime, step: float) -> datetime:
    return datetime.fromtimestamp(math.ceil(at.timestamp() / step) * step, UTC)
