"""Recording rules followed: what a rule on recorded series is made of. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aiops_processor.errors import QueryError
from aiops_processor.query.condition import Side, take_apart
from aiops_processor.query.promql import Selector, inject, output_labels, selectors

DEEPEST = 3
MOST = 6
"""Sides that are added to one rule: a recorded sum of recorded sums has its causes near the top."""


@dataclass(frozen=True)
class Recording:
    """A recording rule: its expression, and the labels that it adds to what it records."""

    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)


Recordings = Mapping[str, Sequence[Recording]]
"""Recorded metric → its rules; several where groups record one metric with different labels."""


def is_recorded(metric: str) -> bool:
    """Whether the name says so. Source: Prometheus' naming of recording rules, `level:metric:operations`."""
    return ":" in metric


def followed(sides: Sequence[Side], recordings: Recordings) -> tuple[Side, ...]:
    """The sides, then the expressions behind the recorded series in them, narrowed as those were, at most 6 more."""
    found = list(sides)
    level: Sequence[Side] = sides
    for _ in range(DEEPEST):
        level = [each for side in level for each in _behind(side, recordings) if each not in found]
        found += [each for each in dict.fromkeys(level) if each not in found]
    return tuple(found[: len(sides) + MOST])


def _behind(side: Side, recordings: Recordings) -> Iterator[Side]:
    for selector in selectors(side.expr):
        for recording in recordings.get(selector.metric or "", ()):
            if _can_be(selector, recording):
                yield from _sides(selector, recording)


def _sides(selector: Selector, recording: Recording) -> Iterator[Side]:
    """The measured sides of a recording; no threshold of the alert holds for them."""
    try:
        expr = inject(recording.expr, _passed_on(selector, recording))
        parts = take_apart(expr)
    except QueryError:
        return  # the server's own rule is newer than our grammar: the recorded series is still read
    for part in parts:
        yield replace(part, op="", threshold=None)


def _passed_on(selector: Selector, recording: Recording) -> dict[str, str]:
    """The equal matchers on labels that come from below, not from the recording rule itself."""
    kept = output_labels(recording.expr)
    return {
        name: value
        for name, op, value in selector.matchers
        if op == "=" and name not in recording.labels and (kept is None or name in kept)
    }


def _can_be(selector: Selector, recording: Recording) -> bool:
    """Whether no label that the rule adds contradicts the selector."""
    return all(op != "=" or recording.labels.get(name, value) == value for name, op, value in selector.matchers)
