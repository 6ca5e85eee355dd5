"""The filters that settings switch on, made through the door as the service makes them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from aiops_processor import plugins
from aiops_processor.errors import PluginError, QueryError
from aiops_processor.filters.business_hours import parse
from aiops_processor.models.alert import Alert

SATURDAY = datetime(2026, 1, 31, 12, tzinfo=UTC)
FRIDAY = datetime(2026, 1, 30, 8, 30, tzinfo=UTC)


def alert(**labels: str) -> Alert:
    return Alert.model_validate({"status": "firing", "labels": {"alertname": "A", **labels}, "startsAt": FRIDAY})


def reason(name: str, options: dict[str, Any], now: datetime = FRIDAY, **labels: Any) -> str | None:
    return plugins.make("filter", name, options)(alert(**labels), now)


def test_ignored_alerts_are_those_of_the_list() -> None:
    assert reason("ignore", {"alerts": ["A", "B"]}) == "A is on the list of ignored alerts"
    assert reason("ignore", {"alerts": ["B"]}) is None


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"environment": "test"}, "environment test"),
        ({"env": "test"}, "environment test"),
        ({"environment": "prod", "env": "test"}, None),
        ({}, None),
    ],
)
def test_environments_are_read_from_the_first_label_that_is_there(labels: dict[str, Any], said: str | None) -> None:
    assert reason("environments", {"environments": ["test", "dev"]}, **labels) == said


def test_rules_are_matchers_with_a_reason() -> None:
    rules = {"rules": [{"match": ['severity="none"', "team=~a|b"], "reason": "nobody's"}, {"match": ["x=1"]}]}
    assert reason("rules", rules, severity="none", team="b") == "nobody's"
    assert reason("rules", rules, severity="none", team="c") is None
    assert reason("rules", rules, x="1") == "x=1"
    with pytest.raises(QueryError):
        reason("rules", {"rules": [{"match": ["=~"]}]})


@pytest.mark.parametrize(
    ("zone", "now", "severity", "filtered"),
    [
        ("UTC", FRIDAY, "info", False),  # 08:30
        ("Europe/Berlin", FRIDAY, "info", True),  # 09:30
        ("Europe/Berlin", FRIDAY, "Info", True),
        ("Europe/Berlin", FRIDAY, "critical", False),
        ("Europe/Berlin", SATURDAY, "info", False),
        ("Europe/Berlin", datetime(2026, 7, 31, 7, 0, tzinfo=UTC), "info", True),  # 09:00, summer time
        ("Europe/Berlin", datetime(2026, 1, 30, 16, 0, tzinfo=UTC), "info", False),  # 17:00 is over
    ],
)
def test_business_hours_are_those_of_the_time_zone(zone: str, now: datetime, severity: str, *, filtered: bool) -> None:
    options = {"hours": "Mon-Fri 09:00-17:00", "time_zone": zone}
    assert (reason("business_hours", options, now, severity=severity) is not None) is filtered


def test_several_hours_hold_each_for_its_days() -> None:
    week = parse("Mon-Thu 09:00-18:00, Sat 10:00-24:00")
    assert [any(each.hold(at) for each in week) for at in (SATURDAY, FRIDAY)] == [True, False]


@pytest.mark.parametrize("text", ["", "09:00-17:00", "Mon-Fri 17:00-09:00", "Fri-Mon 9:00-17:00", "Mon 25:00-26:00"])
def test_hours_that_cannot_be_read_are_told_how_to_write_them(text: str) -> None:
    with pytest.raises(ValueError, match=r"write for example Mon-Fri 09:00-17:00|ends before it begins"):
        parse(text)


def test_a_time_zone_that_is_none_is_named() -> None:
    with pytest.raises(PluginError, match=r"'Europe/Berlyn' is no time zone .*known options: hours, time_zone"):
        plugins.make("filter", "business_hours", {"time_zone": "Europe/Berlyn"})


def test_options_are_checked_by_their_model() -> None:
    form = plugins.load("filter", "ignore").Options
    with pytest.raises(ValidationError):
        form(names=["A"])
