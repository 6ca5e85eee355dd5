"""Services of two namespaces that have one name: told apart, without splitting one that is seen from both. Pure.

A namespace label does not always say where the service lives: probers, exporters and kube-state-metrics carry their
own, or that of whatever they speak of. Two services are namesakes only where the same metric is measured of both, each
by targets of its own; what names a pod or workload needs no such doubt, for Kubernetes says where that lives.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from aiops_processor.evidence.rows import families
from aiops_processor.evidence.rows.entities import (
    CONTAINERS,
    ENTITY,
    NAMESPACES,
    PODS,
    SERVICES,
    WORKLOADS,
    entity_of,
    target_of,
)
from aiops_processor.models.samples import Series

Labels = Mapping[str, str]
Place = tuple[str, str]
"""(name, namespace)"""

_OBJECTS = (*WORKLOADS, *PODS)
_NAMED = (*_OBJECTS, *SERVICES, *CONTAINERS)
_FOREIGN = ("exported_namespace", *(name for name in NAMESPACES if name != "exported_namespace"))
"""`exported_namespace` is what the series said itself before the scraper's own namespace took its place."""


def qualified(namespace: str, name: str) -> str:
    """What a namesake is called: `staging/cart`."""
    return f"{namespace}/{name}"


@dataclass(frozen=True)
class Namesakes:
    """Those names that mean another service in another namespace than the alerts', and what each is called instead.

    `seen` are the namespaces in which anything of a name was measured.
    """

    called: Mapping[Place, str] = field(default_factory=dict)
    seen: Mapping[str, Collection[str]] = field(default_factory=dict)

    def entity(self, name: str, labels: Labels) -> str:
        """The name, or what its namesake in the namespace of these labels is called."""
        return self.called.get((name, namespace_of(labels)), name) if self.called else name

    def marked(self, series: Sequence[Series]) -> list[Series]:
        """The series, those of a namesake with its name in a label of ours, so that nothing takes it for the other."""
        return list(map(self._marked, series)) if self.called else list(series)

    def calls(self, known: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Calls that people told (caller, callee) between those whom they mean here; see `_meant`.

        Of namesakes those of one namespace call each other; where no two share one, those with plain names do.
        """
        return {pair for caller, callee in known for pair in self._pairs(self._meant(caller), self._meant(callee))}

    def _pairs(self, callers: Sequence[Place], callees: Sequence[Place]) -> Iterable[tuple[str, str]]:
        every = [(caller, callee) for caller in callers for callee in callees]
        near = [pair for pair in every if pair[0][1] and pair[0][1] == pair[1][1]]
        plain = [pair for pair in every if not {pair[0][0], pair[1][0]} & set(self.called.values())]
        return ((caller, callee) for (caller, _), (callee, _) in near or plain or every)

    def _meant(self, name: str) -> list[Place]:
        """Who is called by this name, and in which namespace ("" where that is not known).

        `cart` is each service of that name, `shop/cart` the one of that namespace, nobody where what is called `cart`
        here was measured in other namespaces only.
        """
        namespace, _, short = name.partition("/")
        if not short or name in self.seen:
            others = [(called, space) for (each, space), called in self.called.items() if each == name]
            left = set(self.seen.get(name, ())) - {space for _, space in others}
            return [*others, (name, left.pop() if len(left) == 1 else "")] if left or not others else others
        if called := self.called.get((short, namespace)):
            return [(called, namespace)]
        return [(short, namespace)] if namespace in self.seen.get(short, (namespace,)) else []

    def _marked(self, series: Series) -> Series:
        name = entity_of(series.labels)
        called = self.entity(name, series.labels)
        return series if called == name else msgspec.structs.replace(series, labels={**series.labels, ENTITY: called})


def find(measured: Iterable[tuple[str, Labels]], own: Collection[str]) -> Namesakes:
    """The namesakes among these (metric, labels). A service of the `own` namespaces keeps its plain name.

    Where the alerts name several namespaces with such a service, the first by name keeps it.
    """
    seen: dict[str, dict[str, dict[str, set[Place]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(set)))
    for metric, labels in measured:
        namespace = namespace_of(labels)
        # That both are scraped (`up`) is true of a prober's targets, too.
        telling = metric != "up" and not families.is_noise(metric)
        if namespace and telling and any(labels.get(name) for name in _NAMED):
            seen[entity_of(labels)][metric][namespace].add(_seen_by(labels))
    called: dict[Place, str] = {}
    for name, metrics in seen.items():
        homes = sorted({each for places in metrics.values() for each in _homes(places)})
        plain = next((each for each in homes if each in own), "")
        called |= {(name, each): qualified(each, name) for each in homes if each != plain}
    return Namesakes(
        called, {name: {space for each in metrics.values() for space in each} for name, metrics in seen.items()}
    )


def namespace_of(labels: Labels) -> str:
    """The namespace that these labels are about, "" where they name none."""
    return next(filter(None, map(labels.get, _FOREIGN)), "")


def _homes(places: Mapping[str, set[Place]]) -> list[str]:
    """The namespaces that one metric is measured in, each by targets that measure it in no other."""
    if len(places) < 2:
        return []
    everywhere = [target for targets in places.values() for target in targets]
    kept = [space for space, targets in places.items() if all(not t[1] or everywhere.count(t) == 1 for t in targets)]
    return kept if len(kept) > 1 else []


def _seen_by(labels: Labels) -> Place:
    """The target that measured it; none where the labels name an object of Kubernetes, whoever says so."""
    return ("", "") if any(labels.get(name) for name in _OBJECTS) else target_of(labels)
