"""From rows, lines and changes to one ranking of entities. Pure numpy."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aiops_processor.evidence.ranking import lines, moves, surprise, topology, verdict
from aiops_processor.evidence.ranking.kinds import Trouble, trouble_of
from aiops_processor.evidence.ranking.lines import Said
from aiops_processor.evidence.ranking.moves import Array

POWER = 3.0
"""Kinds of trouble add up by this power: near to the loudest one, yet two count more than one."""
WEIGHTS = {
    Trouble.LOGS: 1.75,
    Trouble.LATENCY: 0.85,
    Trouble.TRAFFIC: 0.7,
    Trouble.CLIENT: 0.5,
}
"""Log lines say what happened. Time and traffic are passed on by those that call; a client's numbers are of others."""

GOES_UP = (Trouble.LATENCY, Trouble.ERRORS, Trouble.CLIENT)
"""What a caller suffers for its callees. A full processor or a line in its own log is its own."""
GOES_DOWN = (Trouble.TRAFFIC, Trouble.TRANSFER)
"""What callers do to their callees."""

REPLAYS = 4
MOST_CELLS = 120
"""So much of the usual times is replayed."""
FIRED = 0.5
"""The effort of an alert's own row from which it is believed that something happened."""

Mask = NDArray[np.bool_]


class Row(Protocol):
    """What the ranking must know of a row: whom it is about, and which rows it can be compared with."""

    @property
    def entity(self) -> str: ...
    @property
    def kind(self) -> str: ...


@dataclass(frozen=True)
class Extra:
    """Something that needs no statistics (a restart, a new build). `effort` in the units of `moves.efforts`."""

    entity: str
    effort: float


@dataclass(frozen=True)
class Ranked:
    """One entity with its score, and how loud each kind of trouble is.

    `share` of the quiet windows have somebody who looks as unusual; whom others explain is no less unusual for that.
    """

    entity: str
    score: float
    troubles: Mapping[Trouble, float]
    share: float = 1.0


@dataclass(frozen=True)
class Ranking:
    """All entities, most changed first, also where nothing is unusual: who looks at the system must begin somewhere.

    `unusual` are those beyond what quiet times show; where there are none, `nothing` is true. `confidence` is the
    chance that the first one is where it began. `unsure` where too little was seen of quiet times to say that nothing
    is unusual: then `unusual` are those that would be where much is known.
    """

    entities: tuple[Ranked, ...]
    unusual: tuple[Ranked, ...]
    confidence: float
    unsure: bool = False

    @property
    def nothing(self) -> bool:
        return not self.unusual


def rank(
    rows: Sequence[Row],
    values: Array,
    before: Mask,
    said: Sequence[Said] = (),
    extras: Sequence[Extra] = (),
    calls: Collection[tuple[str, str]] = (),
    alerting: Collection[str] = (),
    alert_rows: Sequence[int] = (),
) -> Ranking:
    """The entities by how much they changed and how little of it others explain.

    `values` is (N, T) with NaN, `before` (T) marks the cells before the onset. `calls` are (caller, callee),
    `alerting` the entities that alerted, `alert_rows` the rows that made the alerts fire.
    """
    kinds, who = [row.kind for row in rows], [row.entity for row in rows]
    efforts = moves.efforts(values, before, kinds) if len(rows) else np.zeros(0)
    plain = _troubles(surprise.of_rows(efforts, who, kinds), rows, said, extras)
    fitting = plain
    if alert_rows:
        last = max(2 * int((~before).sum()), surprise.LEAST_COMMON)
        alike = surprise.alike(values, alert_rows, last)
        fitting = _troubles(surprise.of_rows(efforts * alike, who, kinds), rows, said, extras)
    scores = _explained(fitting, calls, alerting)
    ordered = sorted(scores, key=lambda entity: (-scores[entity], -_total(plain[entity].values()), entity))
    replays = _replays(rows, values, before)
    limit = verdict.limit(_known_cells(values, before), replays)
    entities = tuple(Ranked(each, scores[each], plain[each], _share(plain[each], limit)) for each in ordered)
    if any(efforts[row] >= FIRED for row in alert_rows):
        limit *= verdict.MOVED_ALERT
    unsure = bool(rows) and not replays
    unusual = tuple(each for each in entities if _is_unusual(each, verdict.LIMIT if unsure else limit))
    loud = _total(entities[0].troubles.values()) if entities else 0.0
    return Ranking(entities, unusual, verdict.confidence([each.score for each in entities], loud, limit), unsure)


def _share(troubles: Mapping[Trouble, float], limit: float) -> float:
    rows = _total(_without(troubles, verdict.OWN_LIMITS))
    own = [verdict.share(troubles.get(trouble, 0.0), most) for trouble, most in verdict.OWN_LIMITS.items()]
    return min(verdict.share(rows, limit), *own)


def _is_unusual(ranked: Ranked, limit: float) -> bool:
    """Beyond what quiet times show, of which only the rows are known; lines and changes have limits of their own."""
    rows = _total(_without(ranked.troubles, verdict.OWN_LIMITS))
    return rows >= limit or any(ranked.troubles.get(trouble, 0.0) >= own for trouble, own in verdict.OWN_LIMITS.items())


def _known_cells(values: Array, before: Mask) -> int:
    return int(np.isfinite(values[:, before]).any(axis=0).sum())


def _replays(rows: Sequence[Row], values: Array, before: Mask) -> list[float]:
    """The highest total of each of some parts of the usual times, ranked as if it were an incident."""
    usual = values[:, before]
    usual = usual[:, np.isfinite(usual).any(axis=0)][:, -MOST_CELLS:]
    cells = usual.shape[1]
    length = max(2, min(int((~before).sum()), cells // 4))
    ends = np.unique(np.linspace(cells // 2, cells, REPLAYS).astype(int)) if cells > 2 * length else []
    kinds, who = [row.kind for row in rows], [row.entity for row in rows]
    totals = []
    for end in ends:
        part = usual[:, :end]
        efforts = moves.efforts(part, np.arange(end) < end - length, kinds)
        found = _troubles(surprise.of_rows(efforts, who, kinds), rows, (), ())
        totals.append(max((_total(troubles.values()) for troubles in found.values()), default=0.0))
    return totals


def _troubles(
    surprises: Array, rows: Sequence[Row], said: Sequence[Said], extras: Iterable[Extra]
) -> dict[str, dict[Trouble, float]]:
    """The loudest surprise of each kind of trouble, for each entity."""
    found: dict[str, dict[Trouble, float]] = defaultdict(dict)

    def hear(entity: str, trouble: Trouble, loud: float) -> None:
        if entity:
            weighted = WEIGHTS.get(trouble, 1.0) * loud
            found[entity][trouble] = max(weighted, found[entity].get(trouble, 0.0))

    for row, loud in zip(rows, surprises.tolist(), strict=True):
        hear(row.entity, trouble_of(row.kind), loud)
    for entity, score in lines.of_entities(said).items():
        hear(entity, Trouble.LOGS, float(np.log1p(score)))
    for extra in extras:
        hear(extra.entity, Trouble.CHANGES, float(np.log1p(extra.effort)))
    return dict(found)


def _explained(
    fitting: Mapping[str, Mapping[Trouble, float]], calls: Collection[tuple[str, str]], alerting: Collection[str]
) -> dict[str, float]:
    """The entities' totals less what the call graph explains."""
    totals = {entity: _total(troubles.values()) for entity, troubles in fitting.items()}
    own = {entity: _total(_without(troubles, GOES_DOWN)) for entity, troubles in fitting.items()}
    scores = {}
    for entity, left in topology.factors(totals, own, calls, alerting).items():
        shares = dict.fromkeys(GOES_UP, left.up) | dict.fromkeys(GOES_DOWN, left.down)
        troubles = fitting[entity].items()
        scores[entity] = left.all * _total(loud * shares.get(trouble, 1.0) for trouble, loud in troubles)
    return scores


def _without(troubles: Mapping[Trouble, float], others: Collection[Trouble]) -> Iterable[float]:
    return (loud for trouble, loud in troubles.items() if trouble not in others)


def _total(louds: Iterable[float]) -> float:
    return float(sum(loud**POWER for loud in louds) ** (1 / POWER))
