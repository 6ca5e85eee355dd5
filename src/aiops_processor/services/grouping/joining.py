"""Which episodes belong together, and why. Pure: a function of the incidents that could take them and the rules.

Two episodes belong together by the first of these that holds; an incident is what hangs together by such links, so
the order in which episodes arrive does not matter:

1. the same Alertmanager group, while its incident lasts; or a rule of the configuration (`own_rules`)
2. the same entity (service, workload of a pod, instance), begun within the window
3. neighbours, begun within the narrower window: one calls the other, or they share a namespace

Never across realms: alerts whose cluster, environment or region are both known and differ stay apart.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat
from typing import NamedTuple

from aiops_processor.evidence.rows.entities import NAMESPACES, REALMS, entity_of

Key = tuple[str, str]
Realm = tuple[str, ...]


class Place(NamedTuple):
    """Where an alert fires: which service, workload or machine, in which namespace, of which realm; "" is unknown."""

    entity: str = ""
    namespace: str = ""
    realm: Realm = ()


@dataclass(frozen=True)
class Rules:
    """How near in time (seconds) episodes must begin.

    `calls` are (caller, callee) that are known beforehand: a name, in whatever namespace, or `namespace/name`.
    """

    window_seconds: float = 300
    neighbour_seconds: float = 120
    calls: frozenset[tuple[str, str]] = frozenset()


class Tie(NamedTuple):
    """A rule of the configuration holds for an episode: it belongs to others of the same key, begun so near."""

    key: str
    seconds: float = 0
    reason: str = ""


@dataclass(frozen=True)
class Member:
    """An episode, or some that do not differ in this, as far as grouping looks at it."""

    source: str
    group_key: str
    place: Place
    starts_at: datetime
    ties: tuple[Tie, ...] = ()


@dataclass
class Group:
    """Episodes that belong together. `incident` is the id of an incident that exists, None for a new one.

    `new` are the places (in the sequence that was grouped) of episodes that join, each with the reason in words;
    `merged` are other incidents that turned out to be the same, with the reason.
    """

    incident: int | None
    new: list[tuple[int, str]] = field(default_factory=list)
    merged: list[tuple[int, str]] = field(default_factory=list)


class Link(NamedTuple):
    """What ties an episode to a group."""

    group: int
    reason: str


def group(new: Sequence[Member], existing: Mapping[int, Iterable[Member]], rules: Rules) -> list[Group]:
    """Put each new episode into an incident: one of `existing` (id → its episodes) or a new one.

    An episode that ties several together merges them into the oldest (the smallest id; new ones last).
    """
    index, groups = _Index(rules), list[Group]()
    for incident in sorted(existing):
        groups.append(Group(incident))
        for member in existing[incident]:
            index.add(member, len(groups) - 1)
    roots = list(range(len(groups)))
    for place, member in enumerate(new):
        links = _oldest_first(index.links(member), roots)
        if not links:
            groups.append(Group(None))
            roots.append(len(roots))
            links = [Link(len(groups) - 1, "")]
        into = links[0].group
        groups[into].new.append((place, links[0].reason))
        for other in links[1:]:
            _merge(groups, into, other)
            roots = [into if root == other.group else root for root in roots]
        index.add(member, into)
    return [each for number, each in enumerate(groups) if roots[number] == number and (each.new or each.merged)]


def place_of(labels: Mapping[str, str]) -> Place:
    """Where an alert with these labels fires."""
    namespace = next(filter(None, map(labels.get, NAMESPACES)), "")
    return Place(entity_of(labels), namespace, tuple(map(labels.get, REALMS, repeat(""))))


def _oldest_first(links: Iterable[Link], roots: Sequence[int]) -> list[Link]:
    """The groups that an episode is tied to, each once, the oldest first."""
    found: dict[int, str] = {}
    for link in links:
        found.setdefault(roots[link.group], link.reason)
    return [Link(number, found[number]) for number in sorted(found)]


def _merge(groups: list[Group], into: int, other: Link) -> None:
    younger = groups[other.group]
    groups[into].new += younger.new
    groups[into].merged += younger.merged
    if younger.incident is not None:
        groups[into].merged.append((younger.incident, other.reason))


class _Index:
    """Finds what an episode is tied to without looking at every other one: a storm has thousands.

    Under each key stand the groups with their realms, and when their episodes began.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._groups: dict[Key, set[tuple[int, Realm]]] = defaultdict(set)
        self._began: dict[Key, dict[tuple[int, Realm], list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, member: Member, group: int) -> None:
        if member.group_key:
            self._groups[member.source, member.group_key].add((group, member.place.realm))
        entity, namespace, _ = member.place
        own = [("own", tie.key) for tie in member.ties]
        placed = ("placed", entity and f"{namespace}/{entity}")
        for key in (("entity", entity), placed, ("namespace", namespace), *own):
            if key[1]:
                insort(self._began[key][group, member.place.realm], member.starts_at.timestamp())

    def links(self, member: Member) -> Iterable[Link]:
        """What ties it to which group, the strongest kind of tie first."""
        for group, realm in self._groups.get((member.source, member.group_key), ()):
            if _compatible(member.place.realm, realm):
                yield Link(group, f"same Alertmanager group {member.group_key}")
        for tie in member.ties:
            yield from self._near(("own", tie.key), member, tie.seconds, tie.reason)
        entity, namespace, _ = member.place
        if entity:
            yield from self._near(("entity", entity), member, self._rules.window_seconds, f"same {entity}")
        for caller, callee in self._rules.calls if entity else ():
            for one, other in ((caller, callee), (callee, caller)):
                if _is_called(member.place, one):
                    reason = f"{caller} calls {callee}"
                    for key in _keys(other):
                        yield from self._near(key, member, self._rules.neighbour_seconds, reason)
        if namespace:
            reason = f"same namespace {namespace}"
            yield from self._near(("namespace", namespace), member, self._rules.neighbour_seconds, reason)

    def _near(self, key: Key, member: Member, seconds: float, reason: str) -> Iterable[Link]:
        """The groups with an episode under this key that began within so many seconds."""
        at, realm = member.starts_at.timestamp(), member.place.realm
        for (group, other), times in self._began.get(key, {}).items():
            apart = _nearest(times, at)
            if apart <= seconds and _compatible(realm, other):
                yield Link(group, f"{reason}, begun {apart:.0f} s apart")


def _is_called(place: Place, name: str) -> bool:
    """Whether the configuration means this one: by `cart`, or by `shop/cart` where it is not known to be elsewhere."""
    namespace, _, short = name.partition("/")
    return place.entity == name or (place.entity == short and place.namespace in ("", namespace))


def _keys(name: str) -> list[Key]:
    """Where the index has those that the configuration calls so."""
    _, _, short = name.partition("/")
    return [("entity", name), *([("placed", name), ("placed", f"/{short}")] if short else [])]


def _nearest(times: Sequence[float], at: float) -> float:
    """How far (seconds) the nearest of the sorted times is."""
    place = bisect_left(times, at)
    return min(abs(time - at) for time in times[max(place - 1, 0) : place + 1])


def _compatible(one: Realm, other: Realm) -> bool:
    """False where both say which cluster, environment or region they are of, and it is not the same."""
    return all(not ours or not theirs or ours == theirs for ours, theirs in zip(one, other, strict=False))
