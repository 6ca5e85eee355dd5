"""Asking what there is, before asking for samples: rules, label sets, names, types, the scrape interval."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from aiops_processor.clients.prometheus import Metadata, Rule
from aiops_processor.evidence.asking import plan, scopes
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.plan import Condition, Discovered
from aiops_processor.evidence.asking.read import Reader, Reading
from aiops_processor.evidence.asking.scopes import Found, Scope
from aiops_processor.evidence.asking.sources import Metrics
from aiops_processor.evidence.rows import rates
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
TYPES = "types and units"
"""The title of a question without which names say enough: where a server has no answer, that is no gap."""


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
    around = scopes.scopes(alerts)
    per_selector, near, metadata, ups = await asyncio.gather(
        asyncio.gather(*(asking.selector(each, alerts) for each in plan.selectors(conditions))),
        asking.neighbours(around),
        asking.metadata(),
        asyncio.gather(*(asking.ups(each) for each in around[:1])),
    )
    discovered = Discovered(
        selectors={key: _grouped(tries[-1].data) for key, tries in per_selector if tries[-1].data is not None},
        scopes={key: Found(tuple(reading.data)) for key, reading in near.found if reading.data is not None},
        names=frozenset(near.names.data) if near.names.data is not None else None,
        interval=_interval([series for reading in ups for series in reading.data or []]),
        metadata=metadata.data or {},
        counts=_most(near.counted),
    )
    readings = [*(reading for _, tries in per_selector for reading in tries), *near.counted]
    readings += [*(reading for _, reading in near.found), metadata, near.names, *ups]
    reads = (*looked_up, *(reading.read for reading in readings))
    return Neighbourhood(tuple(conditions), near.scopes, discovered, reads, tuple(gaps))


@dataclass(frozen=True)
class _Near:
    """The scopes as they are read, how many series they have, the label sets of each, and all metrics' names."""

    scopes: tuple[Scope, ...]
    counted: tuple[Reading[list[Series]], ...]
    found: tuple[tuple[str, Reading[list[dict[str, str]]]], ...]
    names: Reading[list[str]]


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

    async def selector(
        self, selector: Selector, alerts: Sequence[Alert]
    ) -> tuple[str, tuple[Reading[list[Series]], ...]]:
        """How many series a rule reads, by those labels that its alerts have: never the series themselves.

        In the alerts' own namespace or job alone where the rule's series know it: counting those of all others would
        cost Prometheus more than everything else that is asked. The last of the readings is the one that counts.
        """
        title = f"series of the rule: {selector.text}"
        labels = sorted({name for alert in alerts for name in alert.labels if name != "alertname"})
        tries: list[Reading[list[Series]]] = []
        label, values = scopes.nearby(alerts) or ("", [])
        if values:
            text = promql.narrowed(selector.text, label, "=~", scopes.one_of_or_none(values))
            tries.append(await self._count(title, text, labels))
            known = any(each.labels.get(label) in values for each in tries[0].data or [])
            if known or tries[0].data is None or text == selector.text:
                return selector.text, tuple(tries)
        tries.append(await self._count(title, selector.text, labels))
        return selector.text, tuple(tries)

    async def neighbours(self, around: Sequence[Scope]) -> _Near:
        """The scopes as far as they can be read, and their label sets: counted first, for a scope may be everything."""
        counting = asyncio.gather(*map(self._size, around))
        (names, graph, calls), counted = await asyncio.gather(self._service_graph(), counting)
        around, counted = [*around, *graph], [*counted, *calls]
        counts = {each.selector: _by_name(reading.data or []) for each, reading in zip(around, counted, strict=True)}
        kept = scopes.narrowed(around, counts, self._limits.series)
        read = [each for each in kept if each.names]
        found = await asyncio.gather(*(self._labels(f"which {each.title}", each.selector) for each in read))
        per_scope = zip((each.selector for each in read), found, strict=True)
        return _Near(tuple(kept), tuple(counted), tuple(per_scope), names)

    async def _service_graph(self) -> tuple[Reading[list[str]], list[Scope], list[Reading[list[Series]]]]:
        """All metrics' names, and where they show a service graph, its scope and size."""
        names = await self.names()
        graph = scopes.service_graph(names.data)
        return names, graph, [await self._size(each) for each in graph]

    async def _size(self, scope: Scope) -> Reading[list[Series]]:
        return await self._count(f"how many {scope.title}", scope.selector, ["__name__"])

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
        return await self._reader.ask("prometheus", TYPES, "/api/v1/metadata", self._prometheus.metadata, SHARE)

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
