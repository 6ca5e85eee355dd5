"""The neighbourhood of alerts: what shares their namespace, job or entity, as PromQL matchers. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiops_processor.evidence import families
from aiops_processor.evidence.entities import ENTITY_LABELS, JOBS, NAMESPACES, REALMS
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Gap
from aiops_processor.query import logql, promql

MOST_VALUES = 50
"""Of a storm's entities so many are looked for by name; the others are found through their namespace or job."""


@dataclass(frozen=True)
class Scope:
    """One part of the neighbourhood, as PromQL matchers. `title` says it in words."""

    title: str
    matchers: tuple[str, ...]

    @property
    def selector(self) -> str:
        return "{" + ",".join(self.matchers) + "}"


@dataclass(frozen=True)
class Found:
    """The label sets that a selector has in the window; `cut` where there were more than the limit."""

    series: tuple[dict[str, str], ...]
    cut: bool = False

    def carries(self, name: str, value: str) -> bool:
        """Whether these series know the label with that value. Of a cut list the name is enough."""
        return any(each.get(name) == value or (self.cut and name in each) for each in self.series)


def scopes(alerts: Sequence[Alert]) -> list[Scope]:
    """The neighbourhood: the alerts' namespaces, else their jobs; and their own entities wherever those are seen."""
    wide = _values(alerts, NAMESPACES)
    if not wide:
        wide = _values(alerts, JOBS)
    own = _values(alerts, ENTITY_LABELS)
    found = [Scope(f"series of the same {name}", (_one_of(name, values),)) for name, values in wide.items()]
    apart = [promql.matcher(name, "!~", _alternatives(values)) for name, values in wide.items()]
    found += [Scope(f"series of the same {name}", (_one_of(name, values), *apart)) for name, values in own.items()]
    return found


def narrowed(
    alerts: Sequence[Alert], around: Sequence[Scope], known: Mapping[str, Found], most: int
) -> tuple[list[Scope], list[Gap]]:
    """The scopes as they are read: without noise, in the alerts' cluster, together at most `most` series.

    A scope that is too wide keeps the metrics with the fewest series: a metric of many says little with each of them.
    """
    kept: list[Scope] = []
    gaps: list[Gap] = []
    room = most
    for scope in around:
        found = known.get(scope.selector)
        if found is None or not found.series:
            continue
        counts = _counts(found, room)
        if counts.left or found.cut:
            gaps.append(_cut(scope, counts, found, most))
        if not counts.taken:
            continue
        room -= sum(counts.taken.values())
        names = (
            promql.matcher("__name__", "=~", _alternatives(sorted(counts.taken)))
            if counts.left or found.cut
            else promql.matcher("__name__", "!~", families.noise())
        )
        kept.append(Scope(scope.title, (*scope.matchers, *_realms(alerts, found), names)))
    return kept, gaps


@dataclass(frozen=True)
class _Counts:
    taken: dict[str, int]
    left: dict[str, int]


def _counts(found: Found, room: int) -> _Counts:
    """Series per metric name: what fits into `room`, the smallest metrics first, and what does not."""
    counts: dict[str, int] = defaultdict(int)
    for each in found.series:
        name = each.get("__name__", "")
        if name and not families.is_noise(name):
            counts[name] += 1
    taken: dict[str, int] = {}
    for name, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        if sum(taken.values()) + count <= room:
            taken[name] = count
    return _Counts(taken, {name: count for name, count in counts.items() if name not in taken})


def _cut(scope: Scope, counts: _Counts, found: Found, most: int) -> Gap:
    more = "at least " if found.cut else ""
    reason = (
        f"{scope.title}: {more}{sum(counts.left.values())} series of {len(counts.left)} metrics were not read, "
        f"the limit is {most} series"
    )
    return Gap(source="prometheus", reason=reason, query=scope.selector)


def _realms(alerts: Sequence[Alert], found: Found) -> list[str]:
    """Matchers for the cluster or environment where the series themselves know the alerts' one."""
    known = {
        name: values
        for name in REALMS
        if (values := list(dict.fromkeys(a.labels[name] for a in alerts if a.labels.get(name))))
    }
    return [_one_of(name, v) for name, v in known.items() if all(found.carries(name, value) for value in v)]


def _values(alerts: Sequence[Alert], names: Sequence[str]) -> dict[str, list[str]]:
    """For each alert its first label of these; the values by label name, so many that a query stays a query."""
    values: dict[str, list[str]] = defaultdict(list)
    for alert in alerts:
        name = next((name for name in names if alert.labels.get(name)), None)
        if name is None or len(values[name]) >= MOST_VALUES:
            continue
        if alert.labels[name] not in values[name]:
            values[name].append(alert.labels[name])
    return dict(values)


def _one_of(name: str, values: Sequence[str]) -> str:
    if len(values) == 1:
        return promql.matcher(name, "=", values[0])
    return promql.matcher(name, "=~", _alternatives(values))


def _alternatives(values: Sequence[str]) -> str:
    return "|".join(logql.re2_escape(value) for value in values)
