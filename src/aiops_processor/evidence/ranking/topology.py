"""Who calls whom, and whose trouble is explained by that. Pure."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping

Calls = Collection[tuple[str, str]]

EXPLAINED = 0.7
"""What is left of what is passed on (time, errors, traffic) where something that an entity calls is in trouble, too."""
COMPARABLE = 0.5
"""A callee explains its caller where it is in at least so much of its trouble."""
UNREACHED = 0.5
"""What is left where nothing that alerted calls it, through however many others."""
BY_ADDRESS = 0.3
"""A peer that is known by its address alone was never seen itself: its numbers are what a caller says of it."""

_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}|\w[\w-]*(\.[\w-]+){2,}")


def factors(scores: Mapping[str, float], calls: Calls, alerting: Collection[str]) -> dict[str, tuple[float, float]]:
    """For each entity what is left of all its troubles, and of those that a callee passes on to it.

    `calls` are (caller, callee), `alerting` the alerts' entities.
    """
    graph = _graph(calls)
    nodes = set(graph) | {callee for callees in graph.values() for callee in callees}
    # Where an alert's entity calls nobody, the graph may end there only for us.
    reached = _reached(graph, alerting) if any(graph.get(entity) for entity in alerting) else nodes
    result = {}
    for entity, score in scores.items():
        factor = 1.0 if entity in reached or entity not in nodes else UNREACHED
        factor *= BY_ADDRESS if _ADDRESS.search(entity) else 1.0
        loudest = max((scores[each] for each in _observed(entity, graph, scores)), default=0.0)
        result[entity] = factor, EXPLAINED if loudest > 0 and loudest >= COMPARABLE * score else 1.0
    return result


def below(calls: Calls) -> dict[str, set[str]]:
    """For each caller those that it calls, through however many others."""
    graph = _graph(calls)
    return {caller: _reached(graph, callees) - {caller} for caller, callees in graph.items()}


def _graph(calls: Calls) -> dict[str, set[str]]:
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
    """The nearest callees that were measured, unless they call back: a ring explains nothing."""
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
