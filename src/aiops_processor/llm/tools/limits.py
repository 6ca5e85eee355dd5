"""How much the model's own questions may cost."""

from dataclasses import dataclass, field

from aiops_processor.query.limited import Bounds


@dataclass(frozen=True)
class ToolLimits:
    """Bounds of one analysis: so many calls, in so many rounds, whatever the model wants.

    `seconds` is for one call. `selected` series may one selector have, `series` the whole answer; `told` of them are
    evidence. `points` is how many values a series is asked for, `back_minutes` how long before the baseline it begins.
    `names`, `lines` and `characters` bound what is told of lists, logs and runbooks.
    """

    calls: int = 4
    rounds: int = 1
    seconds: float = 10.0
    selected: int = 5_000
    series: int = 50
    told: int = 5
    points: int = 120
    back_minutes: int = 1_440
    names: int = 100
    lines: int = 50
    characters: int = 2_500
    bounds: Bounds = field(default_factory=Bounds)
