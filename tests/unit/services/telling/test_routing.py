"""Who is told what, and when."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from aiops_processor.models.notification import Message, Occasion
from aiops_processor.query import matchers
from aiops_processor.services.telling.routing import TELL, Quiet, Route, Routing

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)  # a Saturday
NIGHT = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
NIGHTS = Quiet(time(22), time(7), ZoneInfo("UTC"))


def routing(**of: Any) -> Routing:
    return Routing((Route(frozenset({"slack"}), **of),))


def decided(route: Routing, message: Message, now: datetime = NOON, **more: Any) -> str:
    return route.decide("slack", message, now, **{"told": False, **more}).reason


def of(message: Message, occasion: Occasion, **changes: Any) -> Message:
    return message.model_copy(update={"occasion": occasion, **changes})


def test_a_channel_that_no_route_names_is_told_everything(message: Message) -> None:
    assert Routing().decide("slack", message, NOON, told=False) == TELL
    assert routing(min_severity="critical").decide("mail", message, NOON, told=False) == TELL


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"matchers": matchers.parse('service="checkout"')}, ""),
        ({"matchers": matchers.parse('service="db"')}, "no route of this channel fits its alerts"),
        ({"min_severity": "critical"}, ""),
        ({"on": frozenset({"updated", "resolved"})}, "not told when analysed"),
        ({"min_confidence": 0.8}, ""),
        ({"min_confidence": 0.9}, "its confidence 0.82 is below 0.9"),
    ],
)
def test_a_route_lets_through_what_fits_it(message: Message, given: dict[str, Any], said: str) -> None:
    assert decided(routing(**given), message, told=True) == said


def test_severities_are_compared_in_steps(message: Message) -> None:
    mild = message.model_copy(update={"incident": message.incident.model_copy(update={"severity": "Warn"})})
    assert decided(routing(min_severity="warning"), mild) == ""
    assert decided(routing(min_severity="error"), mild) == "its severity is below error"
    odd = message.model_copy(update={"incident": message.incident.model_copy(update={"severity": "blue"})})
    assert decided(routing(min_severity="error"), odd) == "", "what nobody knows is looked at"


def test_one_of_several_routes_is_enough(message: Message) -> None:
    none = Route(frozenset({"slack"}), matchers.parse('service="db"'))
    assert decided(Routing((none, Route(frozenset({"slack"})))), message) == ""


def test_an_update_is_not_the_first_analysis(message: Message) -> None:
    first = routing(on=frozenset({"opened", "analysed", "resolved"}))
    assert decided(first, message) == ""
    assert decided(first, message.model_copy(update={"update": True}), told=True) == "not told when updated"


def test_what_becomes_severe_later_is_told_by_its_analysis(message: Message) -> None:
    pages = routing(on=frozenset({"opened", "resolved"}), min_severity="critical", min_confidence=0.9)
    mild = message.incident.model_copy(update={"severity": "warning"})
    assert decided(pages, of(message, Occasion.OPENED, incident=mild)) == "its severity is below critical"
    assert decided(pages, message) == "", "nobody would be paged"
    assert decided(pages, message, told=True) == "not told when analysed"


def test_quiet_hours_hold_back_until_they_end(message: Message) -> None:
    decision = routing(quiet=(NIGHTS,)).decide("slack", message, NIGHT, told=False)
    assert decision.until == datetime(2026, 2, 1, 7, tzinfo=UTC)
    assert decision.reason == "quiet hours until 2026-02-01 07:00 UTC"
    assert decided(routing(quiet=(NIGHTS,)), message) == ""


def test_quiet_hours_are_not_for_what_is_urgent(message: Message) -> None:
    urgent = Quiet(time(22), time(7), ZoneInfo("UTC"), unless=matchers.parse('severity="critical"'))
    assert decided(routing(quiet=(urgent,)), message, NIGHT) == ""


def test_the_end_is_told_at_night_to_whom_it_was_told_that_it_began(message: Message) -> None:
    over, at_night = of(message, Occasion.RESOLVED, alerts=()), routing(quiet=(NIGHTS,), min_severity="critical")
    assert decided(at_night, over, NIGHT, told=True) == ""
    assert decided(at_night, over, NIGHT) == "it was over before the quiet hours were"
    assert decided(routing(on=frozenset({"opened"})), over, told=True) == "not told when resolved"
    assert decided(routing(matchers=matchers.parse('service="db"')), over, told=True) == "", "its alerts have moved on"


def test_what_was_held_and_is_over_is_not_told(message: Message) -> None:
    ended = message.incident.model_copy(update={"resolved_at": NOON})
    assert "over before" in decided(routing(), of(message, Occasion.OPENED, incident=ended), held=True)
    assert decided(routing(), of(message, Occasion.OPENED, incident=ended)) == ""


def test_a_silent_watchdog_is_told_to_everybody(message: Message) -> None:
    watchdog = message.model_copy(update={"incident": message.incident.model_copy(update={"id": -1})})
    assert decided(routing(matchers=matchers.parse('service="db"'), quiet=(NIGHTS,)), watchdog, NIGHT) == ""


def test_reminders_go_where_they_are_wanted(message: Message) -> None:
    again = of(message, Occasion.REMINDED)
    wanted = routing(remind_after=timedelta(minutes=30))
    assert decided(wanted, again) == ""
    assert decided(routing(), again) == "no reminders are wanted"
    for done in ({"resolved_at": NOON}, {"acknowledged_at": NOON}):
        late = of(message, Occasion.REMINDED, incident=message.incident.model_copy(update=done))
        assert decided(wanted, late) == "it is over, or somebody looks after it"
    assert wanted.remind_after("slack", again) == timedelta(minutes=30)
    assert wanted.remind_after("mail", again) is None
    assert decided(routing(remind_after=timedelta(minutes=30), quiet=(NIGHTS,)), again, NIGHT) == "quiet hours"


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-29T00:30:00", "2026-03-29T05:00:00"),  # Berlin goes to summer time in this night: 7:00 is 5:00 UTC
        ("2026-10-24T21:00:00", "2026-10-25T06:00:00"),  # and back in this one
        ("2026-10-25T06:30:00", None),
        ("2026-06-01T19:30:00", None),
        ("2026-06-01T20:00:00", "2026-06-02T05:00:00"),
    ],
)
def test_hours_are_those_of_the_clock_on_the_wall(now: str, until: str | None) -> None:
    nights = Quiet(time(22), time(7), ZoneInfo("Europe/Berlin"))
    found = nights.until(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == (datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None)


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    friday = Quiet(time(22), time(7), ZoneInfo("UTC"), frozenset({"fri"}))
    assert friday.until(datetime(2026, 1, 31, 3, tzinfo=UTC)) == datetime(2026, 1, 31, 7, tzinfo=UTC)
    assert friday.until(NIGHT) is None
    lunch = Quiet(time(12), time(13), ZoneInfo("UTC"), frozenset({"sat"}))
    assert lunch.until(NOON) == NOON + timedelta(hours=1)


def test_what_becomes_severe_before_its_next_analysis_is_told_at_once_to_whom_nothing_was_told(
    message: Message,
) -> None:
    pages = routing(on=frozenset({"opened", "resolved"}), min_severity="critical")
    joined = of(message, Occasion.JOINED, analysis=None)
    assert decided(pages, joined) == ""
    assert decided(pages, joined, told=True) == "not told when updated"
    assert decided(routing(on=frozenset({"updated"})), joined, told=True) == ""


def test_what_joined_is_no_news_once_it_is_over_or_told_otherwise(message: Message) -> None:
    joined = of(message, Occasion.JOINED)
    over = message.incident.model_copy(update={"resolved_at": NOON})
    assert "it is over" in decided(Routing(), joined.model_copy(update={"incident": over}), told=True)
    assert "held back" in decided(Routing(), joined, told=True, held=True)
    assert decided(Routing(), joined, held=True) == ""
