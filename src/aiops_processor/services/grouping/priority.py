"""Which incident is worked on first. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from aiops_processor.models.alert import Alert
from aiops_processor.query.matchers import Matcher

SEVERITIES = ("critical", "page", "error", "high", "warning", "medium", "info", "low", "none", "unknown")


class Level(NamedTuple):
    """Alerts that all `matchers` fit have this level; the smaller, the sooner."""

    matchers: tuple[Matcher, ...]
    level: int


@dataclass(frozen=True)
class Priority:
    """The first level that fits an alert, else the place of its severity among `severities`, the gravest first."""

    severities: tuple[str, ...] = SEVERITIES
    levels: tuple[Level, ...] = ()

    def of(self, alerts: Sequence[Alert]) -> int:
        """The smallest level of the alerts."""
        return min(map(self._level, alerts), default=len(self.severities))

    def worst(self, alerts: Sequence[Alert]) -> str:
        """The gravest severity among the alerts; one that nobody knows counts as the least."""
        return min((alert.severity for alert in alerts), key=self.gravity, default="unknown")

    def gravity(self, severity: str) -> int:
        """0 for the gravest."""
        known = severity.lower()
        return self.severities.index(known) if known in self.severities else len(self.severities)

    def _level(self, alert: Alert) -> int:
        fitting = (each.level for each in self.levels if all(m.fits(alert.labels) for m in each.matchers))
        return next(fitting, self.gravity(alert.severity))
