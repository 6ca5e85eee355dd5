"""Who calls whom, and whose trouble is explained by that. Pure.

Time and errors go up, from a callee to its callers; traffic goes down: a caller in trouble asks more, less, or others.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

Calls = Collection[tuple[str, str]]

EXPLAINED = 0.7
"""What is left of what goes up (time, errors) where something that an entity calls is in trouble, too."""
LED = 0.3
"""What is left of what goes down (traffic) where something that calls the entity is in trouble, too."""
COMPARABLE = 0.5
"""A neighbour explains an entity where it is in at least so much of its trouble, its own traffic left aside."""
UNREACHED = 0.5
"""What is left where nothing that alerted calls it, through however many others."""
BY_ADDRESS = 0.3
"""A peer that is known by its address alone was never seen itself: its numbers are what a caller says of it."""

_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}|\w[\w-]*(\.[\w-]+){2,}")


class Left(NamedTuple):
    """What is left of all of an entity's troubles, of those that go up to callers, of those that go down to callees."""

    all: float
    up: float
    down: float


def factors(
    totals: Mapping[str, float], own: Mapping[str, float], calls: Calls, alerting: Collection[str]
) -> dict[str, Left]:
    """What is left of each entity's troubles beside those of its callees and callers.

    `totals` are the troubles of each entity, `own` the same without its traffic, which explains nobody else's.
    `calls` are (caller, callee), `alerting` the alerts' entities.
    """
    graph, callers = _graph(calls), _graph((callee, caller) for caller, callee in calls)
    nodes = {*graph, *callers}
    # Where an alert's entity calls nobody, the graph may end there only for us.
    reached = _reached(graph, alerting) if any(graph.get(entity) for entity in alerting) else nodes
    result = {}
    for entity, total in totals.items():
        factor = 1.0 if entity in reached or entity not in nodes else UNREACHED
        factor *= BY_ADDRESS if _ADDRESS.search(entity) else 1.0
        result[entity] = Left(
            factor,
            EXPLAINED if _explains(entity, total, graph, own) else 1.0,
            LED if _explains(entity, total, callers, own) else 1.0,
        )
    return result


def below(calls: Calls) -> dict[str, set[str]]:
    """For each caller those that it calls, through however many others."""
    graph = _graph(calls)
    return {caller: _reached(graph, callees) - {caller} for caller, callees in graph.items()}


def _explains(entity: str, total: float, graph: Mapping[str, set[str]], own: Mapping[str, float]) -> bool:
    """Whether one of its neighbours in the graph is in comparable trouble."""
    loudest = max((own[each] for each in _observed(entity, graph, own)), default=0.0)
    return loudest > 0 and loudest >= COMPARABLE * total


def _graph(calls: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    graph: dict[str, set[str]] = defaultdict(set)
    for caller, callee in calls:
        if caller != callee:
            graph[caller].add(callee)
    return dict(graph)


def _reached(graph: Mapping[str, set[str]], starts: Collection[str]) -> set[str]:
    seen, waiting = set(starts), list(starts)
    while waiting:
        for callee in graph.get(waiting.pop(), ()):
            if callee not in seen:
                seen.add(callee)
                waiting.append(callee)
    return seen


def _observed(entity: str, graph: Mapping[str, set[str]], scores: Mapping[str, float]) -> set[str]:
    """The nearest neighbours that were measured, unless they lead back: a ring explains nothing."""
    seen, waiting, found = {entity}, [entity], set()
    while waiting:
        for callee in graph.get(waiting.pop(), ()):
            if callee in seen:
                continue
            seen.add(callee)
            if callee not in scores:
                waiting.append(callee)
            elif entity not in _reached(graph, graph.get(callee, ())):
                found.add(callee)
    return found
