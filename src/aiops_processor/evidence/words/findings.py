"""A comparison as evidence: the strongest changes of the most changed entities, with queries and numbers. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from aiops_processor.evidence import ranking
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.compare import Comparison, Measure, Spoken, is_rule
from aiops_processor.evidence.events.changes import Event
from aiops_processor.evidence.rows.rates import Array
from aiops_processor.evidence.words import statements
from aiops_processor.evidence.words.links import Links
from aiops_processor.models.evidence import Change, Evidence, LogCount, LogLine, Standing, Window

MOST_ORDERED = 10
MOST_USUAL = 20
OWN_SHARE = 0.5
"""What an operator asks about is told where it changed, however little the ranking makes of its entity."""
PREFIXES = {"rule": "A", "metric": "M", "log": "L", "change": "C"}


@dataclass(frozen=True)
class _Draft:
    """Evidence without its id, with what it weighs within its entity. `own`: an operator's query told it."""

    strength: float
    evidence: Evidence
    own: bool = False


def findings(comparison: Comparison, limits: Limits, links: Links) -> tuple[Evidence, ...]:
    """The evidence, strongest first: entities by their rank, within one by the strength of the change.

    The alerts' own rules are always there where they have values, and what somebody told us was changed: what fires and
    what was done are facts, whether anything else moved or not. So is what changed of an operator's own queries.
    """
    weights = {each.entity: each.score for each in comparison.ranked}
    most = max(weights.values(), default=1.0)
    drafts = [
        *_measures(comparison, limits, links),
        *_logs(comparison, links),
        *(_event(event, comparison.window, links) for event in comparison.events),
    ]
    scored = []
    for draft in drafts:
        share = max(weights.get(draft.evidence.entity, 0.0) / most, OWN_SHARE if draft.own else 0.0)
        score = share * (0.5 + 0.5 * min(1.0, draft.strength / ranking.HIGHEST))
        if score > 0 or draft.evidence.kind == "rule" or draft.evidence.source:
            scored.append(draft.evidence.model_copy(update={"score": round(score, 4)}))
    return numbered(_bounded(sorted(scored, key=lambda each: -each.score), limits))


def order(comparison: Comparison) -> tuple[Standing, ...]:
    """The entities that changed most, whether that is unusual or not; without those that did not move at all."""
    moved = [each for each in comparison.ranking.entities if each.score > 0][:MOST_ORDERED]
    return tuple(Standing(entity=each.entity, score=round(each.score, 4), share=round(each.share, 4)) for each in moved)


def healthy(comparison: Comparison) -> tuple[str, ...]:
    """Entities that were measured and showed nothing unusual, with the number of measures; then what an operator's own
    queries gave where that is as usual.
    """
    unusual = {each.entity for each in comparison.ranked}
    seen = [each for each in comparison.measures if np.isfinite(each.shift.after)]
    counts = Counter(each.row.entity for each in seen if each.row.entity and not _is_own(each))
    asked = [each for each in seen if _is_own(each) and each.shift.score < ranking.UNUSUAL]
    return (
        *(
            f"{entity}: {count} {'measure' if count == 1 else 'measures'} as usual"
            for entity, count in sorted(counts.items())
            if entity not in unusual
        ),
        *(f"{each.row.title}: {_as_usual(each)}" for each in asked[:MOST_USUAL]),
    )


def _is_own(measure: Measure) -> bool:
    return measure.question is not None and measure.question.own


def _as_usual(measure: Measure) -> str:
    after = statements.amount(measure.shift.after, measure.row.unit)
    if not np.isfinite(measure.shift.before):
        return f"{after}, with no values before"
    return f"{statements.amount(measure.shift.before, measure.row.unit)} before, {after} after"


def _bounded(found: Sequence[Evidence], limits: Limits) -> list[Evidence]:
    """So many of each kind for one entity, and so many in all; rules are bounded apart, so that they stay."""
    kept: list[Evidence] = []
    seen = Counter[tuple[str, str]]()
    in_all = Counter[bool]()
    for each in found:
        rule = each.kind == "rule"
        seen[each.entity, each.kind] += 1
        if seen[each.entity, each.kind] <= limits.findings_per_kind and in_all[rule] < limits.findings:
            in_all[rule] += 1
            kept.append(each)
    return kept


def numbered(found: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The same with ids: a letter for the kind, and how many of it there are so far."""
    counts = Counter[str]()
    numbered = []
    for each in found:
        prefix = PREFIXES[each.kind]
        counts[prefix] += 1
        numbered.append(each.model_copy(update={"id": f"{prefix}{counts[prefix]}"}))
    return tuple(numbered)


def _measures(comparison: Comparison, limits: Limits, links: Links) -> list[_Draft]:
    """The rules' own rows, and of every other family and entity the row that changed most."""
    drafts: list[_Draft] = []
    best: dict[tuple[str, str], Measure] = {}
    quoted = {each.entity for each in comparison.spoken if each.change.score >= ranking.UNUSUAL}
    for each in comparison.measures:
        if each.row.source == "loki" and each.row.entity in quoted:
            continue  # the lines themselves say more than their number
        if is_rule(each):
            drafts.append(_measured(each, comparison, limits, links))
        elif each.shift.score >= ranking.UNUSUAL:
            key = (each.row.entity, each.row.family)
            if key not in best or _telling(each) > _telling(best[key]):
                best[key] = each
    return [*drafts, *(_measured(each, comparison, limits, links) for each in best.values())]


def _telling(measure: Measure) -> tuple[float, bool]:
    """Of equally strong rows a share says more than a rate, for it does not move with the traffic."""
    return measure.shift.score, measure.row.unit == "%"


def _measured(measure: Measure, comparison: Comparison, limits: Limits, links: Links) -> _Draft:
    row, shift, window = measure.row, measure.shift, comparison.window
    log = row.source == "loki"
    change = Change(
        before=_plain(shift.before),
        after=_plain(shift.after),
        score=round(shift.score, 2),
        unit=row.unit,
        onset=window.onset.timestamp(),
    )
    evidence = Evidence(
        id="",
        kind="log" if log else "rule" if is_rule(measure) else "metric",
        entity=row.entity,
        title=row.title,
        statement=statements.moved(measure, window),
        query=row.query,
        score=0.0,
        link=links.logql(row.query, window) if log else links.promql(row.query, window),
        explore="" if log else links.explored(row.query, window),
        labels=row.labels,
        change=change if np.isfinite(shift.before) and np.isfinite(shift.after) else None,
        points=_points(comparison.times, measure.values, limits.points),
    )
    return _Draft(shift.score, evidence, _is_own(measure))


def _points(times: Array, values: Array, most: int) -> tuple[tuple[float, float], ...]:
    """What a chart needs: the seen values, thinned to `most`; the last one stays."""
    seen = np.flatnonzero(np.isfinite(values))
    if len(seen) > most:
        seen = seen[np.unique(np.linspace(0, len(seen) - 1, most).astype(int))]
    return tuple(zip(times[seen].tolist(), map(_plain, values[seen].tolist()), strict=True))


def _plain(value: float) -> float:
    """Six significant digits: what follows is noise that a prompt pays for. A side that was not seen is 0."""
    return float(f"{value:.6g}") if math.isfinite(value) else 0.0


def _logs(comparison: Comparison, links: Links) -> list[_Draft]:
    return [_said(each, comparison.window, links) for each in comparison.spoken if each.change.score >= ranking.UNUSUAL]


def _said(spoken: Spoken, window: Window, links: Links) -> _Draft:
    change, line = spoken.change, spoken.change.example
    evidence = Evidence(
        id="",
        kind="log",
        entity=spoken.entity,
        title=statements.line_title(spoken),
        statement=statements.said(spoken),
        query=spoken.query,
        score=0.0,
        link=links.logql(spoken.query, window),
        labels=line.labels,
        logs=LogCount(
            before=change.before,
            after=change.after,
            before_seconds=spoken.before_seconds,
            after_seconds=spoken.after_seconds,
            level=change.level,
            template=change.template,
        ),
        lines=(
            LogLine(
                at=statements.utc(line.entry.at),
                labels=line.labels,
                line=line.entry.line,
                level=change.level,
                message=statements.message(line.entry.line),
                metadata=line.entry.metadata,
            ),
        ),
    )
    return _Draft(change.score, evidence)


def _event(event: Event, window: Window, links: Links) -> _Draft:
    evidence = Evidence(
        id="",
        kind="change",
        entity=event.entity,
        title=f"{event.kind} of {event.entity}",
        statement=statements.happened(event),
        query=event.query,
        score=0.0,
        link=event.url if event.source else links.promql(event.query, window),
        explore="" if event.source else links.explored(event.query, window),
        labels=event.labels,
        at=statements.utc(event.at),
        source=event.source,
    )
    return _Draft(event.score, evidence)
