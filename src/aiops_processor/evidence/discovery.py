"""Asking what there is, before asking for samples: rules, label sets, names, types, the scrape interval."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from aiops_processor.clients.prometheus import Metadata, Rule
from aiops_processor.evidence import plan, rates, scopes
from aiops_processor.evidence.limits import Limits
from aiops_processor.evidence.plan import Condition, Discovered
from aiops_processor.evidence.read import Reader, Reading
from aiops_processor.evidence.scopes import Found, Scope
from aiops_processor.evidence.sources import Metrics
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Gap, Read, Window
from aiops_processor.models.samples import Series
from aiops_processor.query import promql
from aiops_processor.query.promql import Selector
from aiops_processor.query.recorded import Recording

SHARE = 0.5
"""The share of the deadline that discovery may use."""
USUAL_INTERVAL = 15.0
"""Seconds between scrapes where nothing says it: Prometheus' own examples have it, and most shops."""
PROBE = timedelta(minutes=5)


@dataclass(frozen=True)
class Neighbourhood:
    """Everything that the plan needs, with what was asked for it."""

    conditions: tuple[Condition, ...]
    scopes: tuple[Scope, ...]
    discovered: Discovered
    reads: tuple[Read, ...]
    gaps: tuple[Gap, ...]


async def discover(
    prometheus: Metrics, alerts: Sequence[Alert], window: Window, reader: Reader, limits: Limits
) -> Neighbourhood:
    """What Prometheus knows around these alerts. What it does not answer is missing, and in `reads` as failed."""
    asking = _Asking(prometheus, window, reader, limits)
    rules, looked_up = await asking.rules() if plan.without_expression(alerts) else ([], [])
    conditions, gaps = plan.conditions(alerts, _expressions(rules), limits.rules)
    if plan.on_recorded(conditions) and not looked_up:
        rules, looked_up = await asking.rules()
    conditions = plan.followed(conditions, _recordings(rules))
    names = await asking.names()
    around = [*scopes.scopes(alerts), *scopes.service_graph(names.data)]
    per_selector, (kept, counted, per_scope), metadata, ups = await asyncio.gather(
        asyncio.gather(*(asking.selector(each, alerts) for each in plan.selectors(conditions))),
        asking.neighbours(around),
        asking.metadata(),
        asyncio.gather(*(asking.ups(each) for each in around[:1])),
    )
    discovered = Discovered(
        selectors={key: _grouped(reading.data) for key, reading in per_selector if reading.data is not None},
        scopes={key: Found(tuple(reading.data)) for key, reading in per_scope if reading.data is not None},
        names=frozenset(names.data) if names.data is not None else None,
        interval=_interval([series for reading in ups for series in reading.data or []]),
        metadata=metadata.data or {},
        counts=_most(counted),
    )
    readings = [*(r for _, r in per_selector), *counted, *(r for _, r in per_scope), metadata, names, *ups]
    reads = (*looked_up, *(reading.read for reading in readings))
    return Neighbourhood(tuple(conditions), tuple(kept), discovered, reads, tuple(gaps))


class _Asking:
    """The questions of discovery, each with its title."""

    def __init__(self, prometheus: Metrics, window: Window, reader: Reader, limits: Limits) -> None:
        self._prometheus = prometheus
        self._window = window
        self._reader = reader
        self._limits = limits

    async def rules(self) -> tuple[list[Rule], list[Read]]:
        """Only for alerts that do not carry their expression, and for recorded series: some servers have megabytes."""
        reading = await self._reader.ask("prometheus", "rules", "/api/v1/rules", self._prometheus.rules, SHARE)
        return reading.data or [], [reading.read]

    async def selector(self, selector: Selector, alerts: Sequence[Alert]) -> tuple[str, Reading[list[Series]]]:
        """How many series a rule reads, by those labels that its alerts have: never the series themselves."""
        labels = sorted({name for alert in alerts for name in alert.labels if name != "alertname"})
        return selector.text, await self._count(f"series of the rule: {selector.text}", selector.text, labels)

    async def neighbours(
        self, around: Sequence[Scope]
    ) -> tuple[list[Scope], list[Reading[list[Series]]], list[tuple[str, Reading[list[dict[str, str]]]]]]:
        """The scopes as far as they can be read, and their label sets: counted first, for a scope may be everything."""
        counted = await asyncio.gather(
            *(self._count(f"how many {each.title}", each.selector, ["__name__"]) for each in around)
        )
        counts = {each.selector: _by_name(reading.data or []) for each, reading in zip(around, counted, strict=True)}
        kept = scopes.narrowed(around, counts, self._limits.series)
        read = [each for each in kept if each.names]
        found = await asyncio.gather(*(self._labels(f"which {each.title}", each.selector) for each in read))
        return kept, list(counted), [(each.selector, reading) for each, reading in zip(read, found, strict=True)]

    async def _count(self, title: str, selector: str, labels: Sequence[str]) -> Reading[list[Series]]:
        query = promql.count(selector, labels, int((self._window.end - self._window.start).total_seconds()))
        return await self._reader.ask(
            "prometheus", title, query, lambda: self._prometheus.query(query, self._window.end), SHARE
        )

    async def _labels(self, title: str, selector: str) -> Reading[list[dict[str, str]]]:
        window, most = self._window, self._limits.discovered
        return await self._reader.ask(
            "prometheus",
            title,
            selector,
            lambda: self._prometheus.series([selector], window.start, window.end, limit=most),
            SHARE,
        )

    async def metadata(self) -> Reading[dict[str, Metadata]]:
        return await self._reader.ask(
            "prometheus", "types and units", "/api/v1/metadata", self._prometheus.metadata, SHARE
        )

    async def names(self) -> Reading[list[str]]:
        return await self._reader.ask(
            "prometheus",
            "metric names",
            "/api/v1/label/__name__/values",
            lambda: self._prometheus.label_values("__name__", (), self._window.start, self._window.end),
            SHARE,
        )

    async def ups(self, scope: Scope) -> Reading[list[Series]]:
        query = f"up{scope.selector}[{int(PROBE.total_seconds())}s]"
        return await self._reader.ask(
            "prometheus", "scrape interval", query, lambda: self._prometheus.query(query, self._window.end), SHARE
        )


def _expressions(rules: Sequence[Rule]) -> dict[str, str]:
    """Alert name → expression."""
    return {rule.name: rule.query for rule in rules if rule.kind == "alerting"}


def _recordings(rules: Sequence[Rule]) -> dict[str, list[Recording]]:
    found: dict[str, list[Recording]] = defaultdict(list)
    for rule in rules:
        if rule.kind == "recording":
            found[rule.name].append(Recording(rule.query, rule.labels))
    return found


def _grouped(counts: Sequence[Series]) -> Found:
    """The label sets of a count by labels, and how many series each stands for."""
    found = [each for each in counts if each.points]
    return Found(tuple(each.labels for each in found), tuple(int(each.points[-1][1]) for each in found))


def _most(counted: Sequence[Reading[list[Series]]]) -> dict[str, int]:
    """Metric → its series in the scope that has most of them."""
    most: dict[str, int] = {}
    for reading in counted:
        for name, count in _by_name(reading.data or []).items():
            most[name] = max(count, most.get(name, 0))
    return most


def _by_name(counts: Sequence[Series]) -> dict[str, int]:
    return {each.labels.get("__name__", ""): int(each.points[-1][1]) for each in counts if each.points}


def _interval(ups: Sequence[Series]) -> float:
    times = [np.array([at for at, _ in each.points], dtype=np.float64) for each in ups]
    found = rates.interval_of(times)
    # To a tenth of a second: scrapes jitter, and steps should be round.
    return max(0.1, round(found, 1)) if found else USUAL_INTERVAL
