"""The neighbourhood of alerts: what shares their namespace, job or entity, as PromQL matchers. Pure."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from aiops_processor.evidence.rows import edges, families
from aiops_processor.evidence.rows.entities import ENTITY_LABELS, JOBS, NAMESPACES, REALMS
from aiops_processor.models.alert import Alert
from aiops_processor.query import logql, promql

MOST_VALUES = 50
"""Of a storm's entities so many are looked for by name; the others are found through their namespace or job."""


@dataclass(frozen=True)
class Scope:
    """One part of the neighbourhood, as PromQL matchers. `title` says it in words.

    Once it is narrowed, `names` is the matcher on metric names ("": none is read one by one), and `left` are those
    metrics, with the number of their series, that are too many.
    """

    title: str
    matchers: tuple[str, ...]
    names: str = ""
    left: tuple[tuple[str, int], ...] = ()

    @property
    def selector(self) -> str:
        return "{" + ",".join((*self.matchers, *([self.names] if self.names else []))) + "}"


@dataclass(frozen=True)
class Found:
    """The label sets that a selector has in the window; `counts` are the series that each stands for, if not one."""

    series: tuple[dict[str, str], ...]
    counts: tuple[int, ...] = ()

    def count(self, labels: Mapping[str, str]) -> int:
        """How many series carry these labels."""
        counts = self.counts or (1,) * len(self.series)
        pairs = zip(self.series, counts, strict=True)
        return sum(count for each, count in pairs if labels.items() <= each.items())

    def carries(self, name: str, value: str) -> bool:
        """Whether these series know the label with that value."""
        return any(each.get(name) == value for each in self.series)


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


def nearby(alerts: Sequence[Alert]) -> tuple[str, list[str]] | None:
    """The label that all of the alerts share, namespace or job, with its values; None where there is none, or too many
    values for a query."""
    for names in (NAMESPACES, JOBS):
        for label, values in _values(alerts, names).items():
            if len(values) < MOST_VALUES and all(alert.labels.get(label) for alert in alerts):
                return label, values
    return None


def service_graph(names: Collection[str] | None) -> list[Scope]:
    """Where calls between services are counted, if that is known to be there: seldom in the services' namespace."""
    if names is None or edges.SERVICE_GRAPH_TOTAL not in names:
        return []
    return [Scope("calls between services", (promql.matcher("__name__", "=~", edges.SERVICE_GRAPH),))]


def narrowed(around: Sequence[Scope], counts: Mapping[str, Mapping[str, int]], most: int) -> list[Scope]:
    """The scopes as they are read: without noise, together at most `most` series.

    `counts` are the series of each metric by the scope's selector; a scope that could not be counted is left out. A
    scope that is too wide keeps the metrics with the fewest series: a metric of many says little with each of them.
    """
    kept: list[Scope] = []
    room = most
    for scope in around:
        known = {name: n for name, n in counts.get(scope.selector, {}).items() if name and not families.is_noise(name)}
        taken = _that_fit(known, room)
        left = tuple((name, count) for name, count in known.items() if name not in taken)
        if not known:
            continue
        room -= sum(taken.values())
        kept.append(Scope(scope.title, scope.matchers, _names(taken, left), left))
    return kept


def in_realms(alerts: Sequence[Alert], scope: Scope, found: Found) -> Scope:
    """The scope in the alerts' cluster or environment, where the series themselves know it."""
    known = {
        name: values
        for name in REALMS
        if (values := list(dict.fromkeys(a.labels[name] for a in alerts if a.labels.get(name))))
    }
    realms = (_one_of(name, v) for name, v in known.items() if all(found.carries(name, value) for value in v))
    return replace(scope, matchers=(*scope.matchers, *realms))


def _names(taken: Mapping[str, int], left: Collection[object]) -> str:
    """The matcher on metric names; by what is left out where all is read, for that is shorter."""
    if not left:
        return promql.matcher("__name__", "!~", families.noise())
    return promql.matcher("__name__", "=~", _alternatives(sorted(taken))) if taken else ""


def _that_fit(counts: Mapping[str, int], room: int) -> dict[str, int]:
    """The smallest metrics first."""
    taken: dict[str, int] = {}
    for name, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        if sum(taken.values()) + count <= room:
            taken[name] = count
    return taken


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


def one_of_or_none(values: Sequence[str]) -> str:
    """The regular expression of these values, and of a label that is not there."""
    return f"{_alternatives(values)}|"


def _alternatives(values: Sequence[str]) -> str:
    return "|".join(logql.re2_escape(value) for value in values)
