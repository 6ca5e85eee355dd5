"""What is too many series to read one by one: Prometheus adds them up by entity. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aiops_processor.clients.prometheus import Metadata
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.scopes import Scope
from aiops_processor.evidence.ranking.kinds import Trouble, trouble_of
from aiops_processor.evidence.rows import edges, families
from aiops_processor.evidence.rows.entities import CONTAINERS, JOBS, NAMESPACES, SERVICES, WORKLOADS
from aiops_processor.models.evidence import Gap
from aiops_processor.query import logql, promql

KEPT = tuple(
    dict.fromkeys((*NAMESPACES, *JOBS, *WORKLOADS, *SERVICES, *CONTAINERS, *families.STATUS_LABELS, *edges.LABELS))
)
"""The labels by which is added up: who, and how it ended; not which copy."""
MOST_METRICS = 16
"""Of one scope and one kind: each counter is a part of its own in the query."""
_FIRST = (Trouble.ERRORS, Trouble.LATENCY, Trouble.TRAFFIC, Trouble.NETWORK, Trouble.CPU, Trouble.MEMORY)


@dataclass(frozen=True)
class Sum:
    """One query over several metrics that reads so many series; each of its answer carries its metric's name."""

    title: str
    query: str
    metrics: tuple[str, ...]
    reads: int
    kind: Literal["rates", "gauges"]


def summed(
    around: Sequence[Scope], metadata: Mapping[str, Metadata], rate: str, limits: Limits
) -> tuple[list[Sum], list[Gap]]:
    """The metrics that the scopes left out, added up; what is too much even for that is a gap."""
    sums: list[Sum] = []
    gaps: list[Gap] = []
    room = limits.summed
    for scope in around:
        taken = _taken(scope, room)
        room -= sum(taken.values())
        native = {name for name in taken if families.is_native(name, metadata)}
        growing = {name for name in taken if name in native or families.is_counter(name, metadata)}
        counters = [name for name in taken if name in growing][:MOST_METRICS]
        gauges = [name for name in taken if name not in growing][:MOST_METRICS]
        title = f"{scope.title}, added up"
        if counters:
            parts = (_native(scope, name, rate) if name in native else _rates(scope, name, rate) for name in counters)
            rates = " or ".join(parts)
            sums.append(Sum(title, rates, tuple(counters), sum(taken[name] for name in counters), "rates"))
        if gauges:
            sums.append(Sum(title, _means(scope, gauges), tuple(gauges), sum(taken[name] for name in gauges), "gauges"))
        gaps += _gaps(scope, {*counters, *gauges}, limits)
    return sums, gaps


def _taken(scope: Scope, room: int) -> dict[str, int]:
    """What tells most about trouble first."""
    rank = {trouble: place for place, trouble in enumerate(_FIRST)}
    taken: dict[str, int] = {}
    for name, count in sorted(scope.left, key=lambda each: (rank.get(trouble_of(each[0]), len(rank)), each[1], each)):
        measures = not families.is_info(name) and not families.is_moment(name)
        if measures and sum(taken.values()) + count <= room:
            taken[name] = count
    return taken


def _rates(scope: Scope, name: str, rate: str) -> str:
    """A rate loses its metric's name; it gets it back, so that the parts stay apart."""
    chosen = _selector(scope, promql.matcher("__name__", "=", name))
    return f'label_replace(sum by ({_kept()}) (rate({chosen}[{rate}])), "__name__", {promql.quote(name)}, "", "")'


def _native(scope: Scope, name: str, rate: str) -> str:
    """Count and sum of a native histogram, under the names that a classic one's have."""
    chosen = _selector(scope, promql.matcher("__name__", "=", name))
    return " or ".join(
        f"label_replace(histogram_{part}(sum by ({_kept()}) (rate({chosen}[{rate}]))), "
        f'"__name__", {promql.quote(f"{name}_{part}")}, "", "")'
        for part in ("count", "sum")
    )


def _means(scope: Scope, names: Sequence[str]) -> str:
    one_of = "|".join(logql.re2_escape(name) for name in sorted(names))
    return f"avg by (__name__, {_kept()}) ({_selector(scope, promql.matcher('__name__', '=~', one_of))})"


def _selector(scope: Scope, name: str) -> str:
    return "{" + ",".join((name, *scope.matchers)) + "}"


def _kept() -> str:
    return ", ".join(KEPT)


def _gaps(scope: Scope, read: set[str], limits: Limits) -> list[Gap]:
    """What was not even added up, metrics that measure nothing aside."""
    left = [each for each in scope.left if each[0] not in read and not families.is_info(each[0])]
    left = [each for each in left if not families.is_moment(each[0])]
    if not left:
        return []
    count = sum(number for _, number in left)
    reason = (
        f"{scope.title}: {count} series of {len(left)} metrics were not read, the limits are {limits.series} series "
        f"one by one and {limits.summed} added up"
    )
    return [Gap(source="prometheus", reason=reason, query=scope.selector, limit="series")]
