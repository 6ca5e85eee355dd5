"""What to ask Prometheus, decided from the alerts and from what discovery said. Pure.

Three kinds of questions: the rules' own expressions, the neighbourhood (every series that shares the alerts'
namespace, job or entity, as raw samples in one answer), and the query packs for what neither knows.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from aiops_processor.clients.prometheus import Metadata
from aiops_processor.errors import QueryError
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.packs import Pack, fitting
from aiops_processor.evidence.asking.scopes import Found, Scope, in_realms
from aiops_processor.evidence.asking.sums import summed
from aiops_processor.evidence.rows import families
from aiops_processor.evidence.rows.entities import ENTITY_LABELS, JOBS, NAMESPACES, REALMS, entity_of
from aiops_processor.evidence.words.describe import rate_range
from aiops_processor.models.alert import NO_NAME, Alert
from aiops_processor.models.evidence import Gap, Window
from aiops_processor.query import cost, grafana, promql, recorded
from aiops_processor.query.promql import Selector, Side
from aiops_processor.query.recorded import Recordings

WIDE = (*NAMESPACES, *JOBS, *REALMS)
"""What siblings share: a rule narrowed by these alone shows them, too."""
MOST_ENTITIES = 20
"""Of a storm so many entities are asked about by query packs."""


@dataclass(frozen=True)
class Condition:
    """One rule's expression with the alerts that it made; `sides` are its measured sides."""

    name: str
    expr: str
    sides: tuple[Side, ...]
    alerts: tuple[Alert, ...]


@dataclass(frozen=True)
class Discovered:
    """What discovery said. A selector or scope that could not be asked is missing; `names` None: not known.

    `counts` are the series of each metric in the widest scope.
    """

    selectors: Mapping[str, Found]
    scopes: Mapping[str, Found]
    names: frozenset[str] | None
    interval: float
    metadata: Mapping[str, Metadata] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """One question for a source. `form` says how it is asked: over the window in steps, as raw samples, or as lines.

    `metrics` are the names it needs; `condition` and `side` say which rule it reads. `summed` says that Prometheus adds
    up many series, each answer with the name of its metric: counters as rates, or gauges. `reads` is how many series
    Prometheus has to read at each step, 0 where that is not known, and `samples` how many of their samples. `own` is an
    operator's, from a pack of theirs, asked for an alert about `entity`.
    """

    source: Literal["prometheus", "loki"]
    kind: Literal["rule", "metric", "log"]
    title: str
    query: str
    form: Literal["steps", "raw", "lines"]
    unit: str = ""
    metrics: tuple[str, ...] = ()
    condition: Condition | None = None
    side: Side | None = None
    summed: Literal["rates", "gauges", ""] = ""
    reads: int = 0
    samples: int = 0
    own: bool = False
    entity: str = ""

    def share(self, limits: Limits) -> float:
        """How much of what Prometheus may read for one question one step of this takes."""
        return max(self.reads / limits.evaluated, self.samples / limits.samples)


@dataclass(frozen=True)
class Plan:
    """What to ask, and what was left out and why."""

    questions: tuple[Question, ...]
    gaps: tuple[Gap, ...]


def conditions(alerts: Sequence[Alert], rules: Mapping[str, str], most: int) -> tuple[list[Condition], list[Gap]]:
    """The alerts by their rule's expression: from `generatorURL`, else from `rules` (alert name → expression).

    At most `most` rules, those with the most alerts first.
    """
    by_expr: dict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in alerts:
        expr = grafana.filled_in(promql.expression_of(alert.generator_url) or rules.get(alert.name, ""))
        if expr:
            by_expr[alert.name, expr].append(alert)
    found: list[Condition] = []
    gaps: list[Gap] = []
    for (name, expr), group in by_expr.items():
        try:
            found.append(Condition(name, expr, tuple(promql.take_apart(expr)), tuple(group)))
        except QueryError as error:
            gaps.append(Gap(source="prometheus", reason=f"the rule {name} cannot be read: {error}", query=expr))
    found.sort(key=lambda each: -len(each.alerts))
    if len(found) > most:
        reason = f"the expressions of {len(found) - most} rules were not read, the limit is {most}"
        gaps.append(Gap(source="prometheus", reason=reason))
    return found[:most], gaps


def on_recorded(found: Sequence[Condition]) -> bool:
    """Whether a rule reads what another rule recorded, as far as names say so."""
    return any(recorded.is_recorded(each.metric or "") for each in selectors(found))


def followed(found: Sequence[Condition], recordings: Recordings) -> list[Condition]:
    """The conditions, with what the recorded series in them are made of as further sides."""
    return [replace(each, sides=recorded.followed(each.sides, recordings)) for each in found]


def without_expression(alerts: Sequence[Alert]) -> list[Alert]:
    """Alerts whose rule has to be looked up."""
    return [each for each in alerts if each.name != NO_NAME and not promql.expression_of(each.generator_url)]


def selectors(found: Sequence[Condition]) -> list[Selector]:
    """Every selector of the rules' sides, each once."""
    every = [each for condition in found for side in condition.sides for each in promql.selectors(side.expr)]
    return list({each.text: each for each in every}.values())


def plan(
    alerts: Sequence[Alert],
    found: Sequence[Condition],
    around: Sequence[Scope],
    discovered: Discovered,
    packs: Sequence[Pack],
    window: Window,
    limits: Limits,
) -> Plan:
    """All questions for Prometheus, each query once."""
    around = [in_realms(alerts, each, discovered.scopes.get(each.selector, Found(()))) for each in around]
    sums, gaps = summed(around, discovered.metadata, rate_range(discovered.interval), limits)
    span = int((window.end - window.start).total_seconds())
    rules, too_much = _affordable(_rules(found, discovered, limits)[: limits.rule_queries], limits)
    asked = [
        *rules,
        *(
            Question("prometheus", "metric", each.title, f"{each.selector}[{span}s]", "raw")
            for each in around
            if each.names
        ),
        *(
            Question(
                "prometheus",
                "metric",
                each.title,
                each.query,
                "steps",
                metrics=each.metrics,
                summed=each.kind,
                reads=each.reads,
            )
            for each in sums
        ),
        *_packs(alerts, found, packs, discovered, {name for each in sums for name in each.metrics}, limits),
    ]
    unique = list({question.query: question for question in reversed(asked)}.values())
    return Plan(tuple(reversed(unique)), (*gaps, *too_much))


def _rules(found: Sequence[Condition], discovered: Discovered, limits: Limits) -> list[Question]:
    asked: list[Question] = []
    for condition in found:
        for side in condition.sides:
            known = promql.selectors(side.expr)
            if not known:
                continue  # vector(1), time(): nothing is measured
            title, wide = _form(condition, side, known, discovered, limits)
            metrics = tuple(each.metric for each in known if each.metric)
            for alert in condition.alerts:
                query = _inject(side, alert, discovered, wide)
                reads, samples = _cost(side, known, alert, discovered, wide, limits)
                asked.append(
                    Question(
                        "prometheus",
                        "rule",
                        title,
                        query,
                        "steps",
                        metrics=metrics,
                        condition=condition,
                        side=side,
                        reads=reads,
                        samples=samples,
                    )
                )
    return list({question.query: question for question in reversed(asked)}.values())[::-1]


def _form(
    condition: Condition, side: Side, known: Sequence[Selector], discovered: Discovered, limits: Limits
) -> tuple[str, Sequence[str] | None]:
    """Title and labels to narrow by: for all siblings at once where the answer tells them apart, else one by one."""
    shown = promql.output_labels(side.expr)
    apart = any(name in ENTITY_LABELS for name in shown) if shown is not None else True
    few = all(each.text in discovered.selectors for each in known) and all(
        # What is added up answers with few series, however many it reads.
        _reads(known, alert, discovered, WIDE) <= (limits.series if shown is None else limits.summed)
        for alert in condition.alerts
    )
    if apart and few:
        return f"{condition.name}: the rule's expression, siblings too", WIDE
    return f"{condition.name}: the rule's expression", None


def _reads(known: Sequence[Selector], alert: Alert, discovered: Discovered, names: Sequence[str] | None) -> int:
    """How many series Prometheus reads for this."""
    found = ((each, discovered.selectors.get(each.text, Found(()))) for each in known)
    return sum(each.count(_theirs(selector, alert, discovered, names)) for selector, each in found)


def _cost(
    side: Side,
    known: Sequence[Selector],
    alert: Alert,
    discovered: Discovered,
    names: Sequence[str] | None,
    limits: Limits,
) -> tuple[int, int]:
    """What Prometheus reads at each step: series, and samples of them.

    The expression comes from a link in the alert, which anybody may have written: its windows count. A selector whose
    series could not be counted is taken for as large as one that is added up may be.
    """
    each_reads = cost.samples(side.expr, discovered.interval)
    reads = samples = 0
    for selector in {each.text: each for each in known}.values():
        found = discovered.selectors.get(selector.text)
        series = found.count(_theirs(selector, alert, discovered, names)) if found else limits.summed
        reads += series
        samples += series * each_reads[selector.text]
    return reads, samples


def _affordable(questions: Sequence[Question], limits: Limits) -> tuple[list[Question], list[Gap]]:
    """Without those that would keep Prometheus busy for long with two steps alone."""
    cheap = [each for each in questions if each.share(limits) * 2 <= 1]
    gaps = [
        Gap(
            source="prometheus",
            reason=f"{each.title}: not asked, one evaluation of it reads {each.samples:,} samples",
            query=each.query,
            limit="samples",
        )
        for each in questions
        if each not in cheap
    ]
    return cheap, gaps


def _inject(side: Side, alert: Alert, discovered: Discovered, names: Sequence[str] | None) -> str:
    """The side with those of the alert's labels that each selector's own series carry."""
    return promql.inject(side.expr, {}, only=lambda selector: _theirs(selector, alert, discovered, names))


def _theirs(selector: Selector, alert: Alert, discovered: Discovered, names: Sequence[str] | None) -> Mapping[str, str]:
    found = discovered.selectors.get(selector.text, Found(()))
    return {
        name: value
        for name, value in alert.labels.items()
        if (names is None or name in names) and name != "alertname" and found.carries(name, value)
    }


def _packs(
    alerts: Sequence[Alert],
    found: Sequence[Condition],
    packs: Sequence[Pack],
    discovered: Discovered,
    summed: set[str],
    limits: Limits,
) -> list[Question]:
    rate = rate_range(discovered.interval)
    seen = [each for found in discovered.scopes.values() for each in found.series]
    native = _native(discovered)
    read = {each.get("__name__", "") for each in seen} | summed
    read |= {f"{name}_{part}" for name in native & read for part in ("count", "sum")}
    counts = discovered.counts
    asked: dict[str, Question] = {}
    for alert in _each_entity(alerts, packs)[:MOST_ENTITIES]:
        for pack in fitting(packs, alert.labels, _read_by(alert, found)):
            for each in pack.queries:
                metrics = _metrics_of(each.in_window(rate, native))
                carried = _carried(alert.labels, metrics, seen)
                too_many = sum(counts.get(name, 0) for name in metrics) > limits.summed
                plain = _metrics_of(each.in_window(rate)) if native else metrics
                if not pack.own and not _worth_asking(metrics, plain, discovered, read):
                    continue
                if not pack.own and not each.names_one(carried) and too_many:
                    continue
                query = each.narrowed(carried, rate, native)
                question = Question(
                    "prometheus",
                    "metric",
                    each.title,
                    query,
                    "steps",
                    each.unit,
                    metrics,
                    own=pack.own,
                    entity=entity_of(alert.labels),
                )
                asked.setdefault(query, question)
    return list(asked.values())[: limits.pack_queries]


def _each_entity(alerts: Sequence[Alert], packs: Sequence[Pack]) -> list[Alert]:
    """One alert of each entity, and one of it for each choice of an operator's packs."""
    own = [pack for pack in packs if pack.own]
    found: dict[tuple[str, ...], Alert] = {}
    for alert in alerts:
        found[entity_of(alert.labels), *(pack.pack for pack in own if pack.fits(alert.labels))] = alert
    return list(found.values())


def _read_by(alert: Alert, found: Sequence[Condition]) -> set[str]:
    """The metrics that the alert's rule reads."""
    return {each.metric for each in selectors([c for c in found if alert in c.alerts]) if each.metric}


def _native(discovered: Discovered) -> frozenset[str]:
    """The native histograms that Prometheus has; none where it has the classic one of that name, too."""
    names = discovered.names or frozenset()
    return frozenset(
        name
        for name in discovered.metadata
        if name in names and f"{name}_bucket" not in names and families.is_native(name, discovered.metadata)
    )


def _metrics_of(expr: str) -> tuple[str, ...]:
    return tuple(each.metric for each in promql.selectors(expr) if each.metric)


def _worth_asking(metrics: Sequence[str], plain: Sequence[str], discovered: Discovered, read: set[str]) -> bool:
    """Not what Prometheus has no metric for, nor the plain view of one metric that is read with all siblings.

    `plain` are the metrics as the pack names them, whatever kind of histogram they are here.
    """
    if discovered.names is not None and not any(metric in discovered.names for metric in metrics):
        return False
    alone = len(set(plain)) == 1
    return not (alone and plain[0] in read and not families.is_noise(plain[0]))


def _carried(labels: Mapping[str, str], metrics: Sequence[str], seen: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The alert's labels without those that no known series of these metrics carries (rules add such labels)."""
    own = [each for each in seen if each.get("__name__") in metrics]
    return {name: value for name, value in labels.items() if not own or any(name in each for each in own)}
