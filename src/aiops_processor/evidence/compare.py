"""Before against after: all answers on one grid, one onset for them all, and what each says about whom. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import msgspec
import numpy as np

from aiops_processor.clients.prometheus import Metadata
from aiops_processor.evidence import onset, ranking, templates
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.logs import LogsFound, Sample
from aiops_processor.evidence.asking.plan import Condition, Question
from aiops_processor.evidence.asking.windows import earliest_onset
from aiops_processor.evidence.events import changes, earlier, posted
from aiops_processor.evidence.events.changes import Event
from aiops_processor.evidence.events.earlier import Span
from aiops_processor.evidence.mining.fields import level_word_of
from aiops_processor.evidence.mining.levels import LEVEL_KEYS, level_of
from aiops_processor.evidence.ranking import Extra, Ranked, Ranking, Said, Shift
from aiops_processor.evidence.rows import measure, namesakes, rates
from aiops_processor.evidence.rows.entities import ENTITY, entity_of
from aiops_processor.evidence.rows.measure import Row
from aiops_processor.evidence.rows.namesakes import Namesakes
from aiops_processor.evidence.rows.rates import Array
from aiops_processor.evidence.templates import Line, TemplateChange
from aiops_processor.evidence.words import describe
from aiops_processor.models.change import PostedChange
from aiops_processor.models.evidence import Window
from aiops_processor.models.samples import Series

TROUBLE_LEVELS = ("fatal", "error", "warn")
LOG_FAMILY = "log lines"
LARGEST = 1e100
"""Some exporters say "no limit" by the largest number that there is, whose square is none: it was not seen."""
SHORTEST_NAME = 3
"""An entity's name shorter than this is found in too many lines by accident."""


@dataclass(frozen=True)
class Answers:
    """What was read. `steps` are the questions that were asked over the window in steps, with their series.

    `rates` are counters that Prometheus made into rates, each with its metric's name. `calls` are (caller, callee)
    that people know of. `posted` are the changes that somebody told of, `namespaces` those of the alerts. `excluded`
    are times of the baseline that belong to earlier incidents.
    """

    raw: Sequence[Series]
    steps: Sequence[tuple[Question, Sequence[Series]]]
    metadata: Mapping[str, Metadata]
    interval: float
    logs: LogsFound
    rates: Sequence[Series] = ()
    calls: Collection[tuple[str, str]] = ()
    posted: Sequence[PostedChange] = ()
    namespaces: Collection[str] = ()
    excluded: Sequence[Span] = ()


@dataclass(frozen=True)
class Measure:
    """One row with its values and how it moved. `condition` where it is a rule's own expression."""

    row: Row
    values: Array
    shift: Shift
    question: Question | None = None


@dataclass(frozen=True)
class Spoken:
    """One kind of line that changed, and how many seconds it was looked for before and after."""

    change: TemplateChange
    entity: str
    query: str
    before_seconds: float
    after_seconds: float


@dataclass(frozen=True)
class Comparison:
    """Everything that was compared. `times` are the ends of the cells of all measures."""

    window: Window
    measures: tuple[Measure, ...]
    spoken: tuple[Spoken, ...]
    events: tuple[Event, ...]
    ranking: Ranking
    times: Array

    @property
    def ranked(self) -> tuple[Ranked, ...]:
        """The entities that are unusual, most changed first."""
        return self.ranking.unusual


@dataclass(frozen=True)
class Observed:
    """What is known of the time around an alert, on one grid, whoever gathered it.

    `values` is (N, T) with NaN where nothing was seen, `times` are the ends of the cells in seconds. `origins` are the
    questions that were asked for a row, None where it was measured from raw samples. `alert_rows` are those that made
    the alerts fire. Rows before `sharp` are not smoothed by a range.
    """

    rows: Sequence[Row]
    values: Array
    times: Array
    sharp: int
    logs: LogsFound = field(default_factory=LogsFound)
    origins: Sequence[Question | None] = ()
    alert_rows: Sequence[int] = ()
    alerting: Collection[str] = ()
    calls: Collection[tuple[str, str]] = ()
    raw: Sequence[Series] = ()
    posted: Sequence[PostedChange] = ()
    namespaces: Collection[str] = ()
    excluded: Sequence[Span] = ()


def compare(answers: Answers, window: Window, limits: Limits) -> Comparison:
    """The answers before and after the onset, which is sought in them: `window.onset` of the result."""
    answers = _told_apart(answers)
    edges = rates.grid(window.start.timestamp(), window.end.timestamp(), answers.interval, limits.columns)
    table = measure.measure(answers.raw, answers.metadata, edges, answers.rates)
    asked = [each for question, series in answers.steps for each in _stepped(question, series, edges, limits.series)]
    volume = _volume(answers.logs, edges)
    rows = [*table.rows, *(row for row, _ in volume), *(row for _, row, _ in asked)]
    origins = [*(None for _ in (*table.rows, *volume)), *(question for question, _, _ in asked)]
    fired = [index for index, pair in enumerate(zip(rows, origins, strict=True)) if _fired(*pair)]
    return judge(
        Observed(
            rows=rows,
            values=np.vstack([table.values, *(v for _, v in volume), *(v for _, _, v in asked)]),
            times=table.times,
            # Answers in steps are smoothed by their rates' ranges: they would pull the onset back and forth.
            sharp=len(table.rows) + len(volume) or len(rows),
            logs=answers.logs,
            origins=origins,
            alert_rows=fired,
            alerting={rows[index].entity for index in fired},
            calls={*answers.calls, *(row.call for row in rows if row.call)},
            raw=answers.raw,
            posted=answers.posted,
            namespaces=answers.namespaces,
            excluded=answers.excluded,
        ),
        window,
    )


def _told_apart(answers: Answers) -> Answers:
    """The answers with services of two namespaces that share a name told apart, in metrics and in logs."""
    named = ((each.labels.get("__name__", ""), each.labels) for each in (*answers.raw, *answers.rates))
    asked = ((question.query, each.labels) for question, series in answers.steps for each in series)
    found = namesakes.find((*named, *asked), answers.namespaces)
    answers = replace(answers, calls=found.calls(answers.calls))
    if not found.called:
        return answers
    return replace(
        answers,
        raw=found.marked(answers.raw),
        rates=found.marked(answers.rates),
        steps=[(question, found.marked(series)) for question, series in answers.steps],
        logs=replace(
            answers.logs,
            volume=tuple(found.marked(answers.logs.volume)),
            samples=tuple(_written_by(found, each) for each in answers.logs.samples),
        ),
    )


def _written_by(found: Namesakes, sample: Sample) -> Sample:
    lines = (msgspec.structs.replace(each, entity=found.entity(each.entity, each.labels)) for each in sample.lines)
    return replace(sample, lines=tuple(lines))


def judge(observed: Observed, window: Window) -> Comparison:
    """When it began, what moved then, and whom that speaks against."""
    observed = _believed(observed, window)
    began = onset.find(
        observed.values[: observed.sharp],
        observed.times,
        earliest_onset(window).timestamp(),
        window.onset.timestamp(),
    )
    found = window if began is None else window.model_copy(update={"onset": datetime.fromtimestamp(began, UTC)})
    cut = found.onset.timestamp()
    shifts = ranking.shifts(observed.values, observed.times, cut, [row.kind for row in observed.rows])
    origins = observed.origins or [None] * len(observed.rows)
    measures = tuple(Measure(*each) for each in zip(observed.rows, observed.values, shifts, origins, strict=True))
    known = {row.entity for row in observed.rows if row.entity}
    told = posted.events(observed.posted, known, observed.namespaces, cut)
    events = (*changes.find(observed.raw, cut, found.end.timestamp()), *told)
    spoken = tuple(
        _spoken(
            observed.logs, found, observed.excluded, {row.entity for row in observed.rows if row.source == "prometheus"}
        )
    )
    return Comparison(found, measures, spoken, events, _ranked(observed, cut, origins, spoken, events), observed.times)


def _believed(observed: Observed, window: Window) -> Observed:
    """As if nobody had looked in those times of the baseline, or seen what is no number to reckon with."""
    with np.errstate(invalid="ignore"):
        gone = ~(np.abs(observed.values) < LARGEST)
    gone |= earlier.inside(observed.excluded, observed.times, window.onset.timestamp())
    return replace(observed, values=np.where(gone, np.nan, observed.values)) if gone.any() else observed


def _ranked(
    observed: Observed,
    cut: float,
    origins: Sequence[Question | None],
    spoken: Sequence[Spoken],
    events: Sequence[Event],
) -> Ranking:
    """Packs ask about the alerts' own entities alone: their rows are shown, but would only say who alerted."""
    voting = [index for index, asked in enumerate(origins) if asked is None or asked.condition is not None]
    place = {index: number for number, index in enumerate(voting)}
    known = {row.entity for row in observed.rows if row.entity}
    below = ranking.below(observed.calls)
    return ranking.rank(
        [observed.rows[index] for index in voting],
        observed.values[voting],
        observed.times <= cut,
        said=[said for each in spoken for said in _said(each, known, below)],
        extras=[Extra(each.entity, each.score) for each in events if each.entity in known and each.score > 0],
        calls=observed.calls,
        alerting=observed.alerting,
        alert_rows=[place[index] for index in observed.alert_rows],
    )


def _said(spoken: Spoken, known: Collection[str], below: Mapping[str, Collection[str]]) -> list[Said]:
    """A line of trouble is about the one it blames; about its writer, too, where nobody knows whom that one calls."""
    change, ratio = spoken.change, spoken.after_seconds / spoken.before_seconds
    about = {spoken.entity: 1.0}
    if change.level in TROUBLE_LEVELS:
        blamed = ranking.blamed(spoken.entity, change.example.entry.line, known, below)
        about = {blamed: 1.0} if below.get(spoken.entity) else {blamed: ranking.HEARSAY} | about
    return [Said(entity, change.level, change.before, change.after, ratio, share) for entity, share in about.items()]


def firing(condition: Condition, series_labels: Mapping[str, str]) -> bool:
    """Whether a series of the rule's expression is one that an alert was made of: no label contradicts."""
    return any(
        all(alert.labels.get(name, value) == value for name, value in series_labels.items() if name != "__name__")
        for alert in condition.alerts
    )


def is_rule(measure: Measure) -> bool:
    """Whether this is what made an alert fire, and not a sibling of it."""
    return _fired(measure.row, measure.question)


def _fired(row: Row, question: Question | None) -> bool:
    condition = question.condition if question else None
    return condition is not None and firing(condition, row.labels)


def _stepped(
    question: Question, series: Sequence[Series], edges: Array, most: int
) -> list[tuple[Question, Row, Array]]:
    found = []
    for each in _bounded(question, series, most):
        points = np.asarray(each.points, dtype=np.float64).reshape(-1, 2)
        points = points[np.isfinite(points[:, 1])]
        if not len(points):
            continue
        labels = {name: value for name, value in each.labels.items() if name not in ("__name__", ENTITY)}
        entity = entity_of(each.labels)
        if not entity and question.condition is not None:
            entity = entity_of(question.condition.alerts[0].labels)
        if not entity and question.own:  # a sum over everything is about what it was asked for
            entity = question.entity
        rule = question.condition.name if question.condition is not None else ""
        family = f"rule {rule}" if rule else question.title
        side = question.side.expr if question.side is not None else question.query
        title = describe.title(rule or question.title, labels, "" if question.own else entity)
        row = Row(entity, family, f"{family} {side}", title, question.unit, question.query, labels)
        found.append((question, row, rates.held(points[:, 0], points[:, 1], edges)))
    return found


def _bounded(question: Question, series: Sequence[Series], most: int) -> Sequence[Series]:
    """Of a wide answer the series that fire come first."""
    condition = question.condition
    if len(series) <= most or condition is None:
        return series[:most]
    return sorted(series, key=lambda each: not firing(condition, each.labels))[:most]


def _volume(logs: LogsFound, edges: Array) -> list[tuple[Row, Array]]:
    """Lines of trouble per second, by entity and level; nothing is known of the time before the first line of all."""
    first = _first_line(logs)
    counted: dict[tuple[str, str], Array] = {}
    labels: dict[tuple[str, str], dict[str, str]] = {}
    for each in logs.volume:
        level = level_of(level_word_of(each.labels))
        entity = entity_of(each.labels)
        if level not in TROUBLE_LEVELS or not entity or not each.points:
            continue
        points = np.asarray(each.points, dtype=np.float64)
        # A window's count belongs to the time before its stamp; a window without lines is missing from the answer.
        later = np.searchsorted(points[:, 0], edges[1:])
        near = later < len(points)
        near[near] &= points[later[near], 0] - edges[1:][near] < logs.step
        rate = np.where(near, points[np.minimum(later, len(points) - 1), 1] / logs.step, 0.0)
        rate[edges[1:] < first] = np.nan
        key = (entity, level)
        counted[key] = counted.get(key, 0.0) + rate
        unsaid = (*LEVEL_KEYS, ENTITY)
        labels[key] = {name: value for name, value in each.labels.items() if name not in unsaid}
    query = logs.samples[0].query if logs.samples else ""
    return [
        (
            Row(
                entity,
                LOG_FAMILY,
                f"log lines {level}",
                f"{level} lines of {entity} per second",
                "/s",
                query,
                labels[entity, level],
                source="loki",
            ),
            rate,
        )
        for (entity, level), rate in counted.items()
    ]


def _spoken(logs: LogsFound, window: Window, excluded: Sequence[Span], known: set[str]) -> list[Spoken]:
    """The kinds of lines that changed, over all samples; each compared within what its own sample saw."""
    cut, first = window.onset.timestamp(), _first_line(logs)
    found: list[Spoken] = []
    groups: dict[tuple[str, bool], list[Sample]] = {}
    for sample in logs.samples:
        groups.setdefault((sample.query, sample.trouble), []).append(sample)
    for (query, _), samples in groups.items():
        before_seconds = sum(_seconds(max(each.since, first), min(each.until, cut), excluded) for each in samples)
        after_seconds = sum(max(0.0, each.until - max(each.since, cut)) for each in samples)
        lines = [line for sample in samples for line in sample.lines]
        before = [line for line in lines if line.entry.at < cut and not earlier.overlap(excluded, *_moment(line))]
        after = [line for line in lines if line.entry.at >= cut]
        found += [
            Spoken(change, _about(change.example, known), query, before_seconds, after_seconds)
            for change in templates.compare(before, after, before_seconds, after_seconds)
        ]
    return sorted(found, key=lambda each: (-each.change.score, each.entity, each.change.template))


def _seconds(since: float, until: float, excluded: Sequence[Span]) -> float:
    return max(0.0, until - since - earlier.overlap(excluded, since, until))


def _moment(line: Line) -> Span:
    return line.entry.at, line.entry.at + 0.001


def _first_line(logs: LogsFound) -> float:
    """When the first line of all was written: where the store is younger than the window, silence is no baseline."""
    counted = [each.points[0][0] - logs.step for each in logs.volume if each.points]
    written = [line.entry.at for sample in logs.samples for line in sample.lines]
    return min([*counted, *written], default=0.0)


def _about(line: Line, known: set[str]) -> str:
    """Whom a line is about: its writer, but where a part of the platform names one entity, that one."""
    if line.entity in known or not known:
        return line.entity
    words = Counter(_words(line.entry.line))
    named = [entity for entity in known if len(entity) >= SHORTEST_NAME and words[entity]]
    return named[0] if len(named) == 1 else line.entity


def _words(text: str) -> list[str]:
    cleaned = "".join(char if char.isalnum() or char in "-_." else " " for char in text)
    return [word.strip(".-_") for word in cleaned.split()]
