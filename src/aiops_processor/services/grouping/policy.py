"""What a configuration says of incidents: what belongs together, when it is analysed, what is urgent."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiops_processor.services.grouping.joining import Rules
from aiops_processor.services.grouping.own_rules import OwnRule
from aiops_processor.services.grouping.priority import Priority
from aiops_processor.services.watching.watchdogs import Expected


@dataclass(frozen=True)
class Settling:
    """An incident is analysed `seconds` after its last new alert, at most `most_seconds` after its first."""

    seconds: float = 10
    most_seconds: float = 30

    def due(self, opened_at: datetime, now: datetime) -> datetime:
        return min(now + timedelta(seconds=self.seconds), opened_at + timedelta(seconds=self.most_seconds))


@dataclass(frozen=True)
class Policy:
    """What a configuration says of incidents: what belongs together, what is a Watchdog, what is urgent."""

    rules: Rules = field(default_factory=Rules)
    own: tuple[OwnRule, ...] = ()
    expected: Expected = field(default_factory=Expected)
    priority: Priority = field(default_factory=Priority)

    @property
    def window(self) -> timedelta:
        """The longest time that may lie between the beginnings of what belongs together."""
        own = (rule.window_seconds for rule in self.own)
        return timedelta(seconds=max(self.rules.window_seconds, self.rules.neighbour_seconds, *own))
