"""Matchers of alerts that make no incident, each with its reason."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from aiops_processor.models.alert import Alert
from aiops_processor.query import matchers


class RuleOptions(BaseModel):
    """All matchers must fit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: tuple[str, ...]
    reason: str = ""


class RulesOptions(BaseModel):
    """The first rule that fits counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[RuleOptions, ...] = ()


class Rules:
    """Alerts that the matchers of a rule fit. Raises QueryError for what is no matcher."""

    Options = RulesOptions

    def __init__(self, options: RulesOptions) -> None:
        self._rules = [(matchers.parse_all(each.match), each) for each in options.rules]

    def __call__(self, alert: Alert, now: datetime) -> str | None:
        del now
        fitting = (each for found, each in self._rules if matchers.fit(found, alert.labels))
        rule = next(fitting, None)
        return None if rule is None else rule.reason or ", ".join(rule.match)
