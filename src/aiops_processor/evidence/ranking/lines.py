"""How surprising the log lines of an entity are: templates that grew, are new or vanished. Pure.

Counts are compared as square roots, which have the same noise at every level (Anscombe 1948), after a correction for
the change in traffic, and in units of how much templates differ anyway.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

ANSCOMBE = 0.375
SUPPOSED = 5.0
"""So many lines are supposed of every entity on both sides: the traffic of a silent one is that of all."""
WEIGHTS = {"fatal": 5.0, "error": 3.0, "warn": 2.4, "debug": 0.6, "trace": 0.6}
TROUBLE = ("fatal", "error", "warn")
NEW = 1.3
"""What was never seen before is more telling than what was."""
FEWER_TROUBLE = 0.5
MAD_TO_SIGMA = 1.4826
CHANCE = [0.6745] * 10
"""What ten templates that differ by chance would show: where there are few, the loud one is not its own measure."""


@dataclass(frozen=True)
class Said:
    """Lines of one template about `entity`.

    `ratio` is how much longer was looked at after than before, `share` how much they say about the entity.
    """

    entity: str
    level: str
    before: int
    after: int
    ratio: float
    share: float = 1.0


def of_entities(said: Sequence[Said]) -> dict[str, float]:
    """For each entity its most surprising template, in units of the usual difference."""
    growth = _growth(said)
    differences = [_difference(each, growth) for each in said]
    usual = max(1.0, MAD_TO_SIGMA * median([*CHANCE, *map(abs, differences)]))
    found: dict[str, float] = {}
    for each, difference in zip(said, differences, strict=True):
        score = each.share * _weight(each, difference) * abs(difference) / usual
        found[each.entity] = max(score, found.get(each.entity, 0.0))
    return found


def _growth(said: Sequence[Said]) -> Mapping[str, tuple[float, float]]:
    """For each entity how much its traffic grew, and how much all traffic did, told by lines that are no trouble."""
    expected: dict[str, float] = defaultdict(float)
    seen: dict[str, float] = defaultdict(float)
    for each in said:
        calm = each.level not in TROUBLE
        expected[each.entity] += each.before * each.ratio if calm else 0.0
        seen[each.entity] += each.after if calm else 0.0
    everywhere = (sum(seen.values()) + SUPPOSED) / (sum(expected.values()) + SUPPOSED)
    return {
        entity: ((seen[entity] + SUPPOSED * everywhere) / (expected[entity] + SUPPOSED), everywhere)
        for entity in expected
    }


def _difference(said: Said, growth: Mapping[str, tuple[float, float]]) -> float:
    """In standard deviations, by the kinder of the two readings of traffic; 0 where they contradict each other."""
    own, everywhere = (_deviation(said, said.ratio * each) for each in growth[said.entity])
    if own * everywhere <= 0:
        return 0.0
    return min(own, everywhere, key=abs)


def _deviation(said: Said, ratio: float) -> float:
    """The difference of two Poisson counts' square roots. `ratio` is what one line before lets expect after."""
    roots = (said.after + ANSCOMBE) ** 0.5 - (said.before * ratio + ANSCOMBE) ** 0.5
    return 2.0 * roots / (1.0 + ratio) ** 0.5


def _weight(said: Said, difference: float) -> float:
    if difference > 0:
        return WEIGHTS.get(said.level, 1.0) * (1.0 if said.before else NEW)
    return FEWER_TROUBLE if said.level in TROUBLE else 1.0
