"""Alerts that can wait while people are at their desks anyway."""

import re
from datetime import datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, field_validator

from aiops_processor.models.alert import Alert

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"\s*([a-z]{3})(?:-([a-z]{3}))?\s+(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)\s*", re.IGNORECASE)


class Hours(NamedTuple):
    """From `begin` until before `end`, on these days (0 is Monday)."""

    days: frozenset[int]
    begin: time
    end: time

    def hold(self, at: datetime) -> bool:
        return at.weekday() in self.days and self.begin <= at.time() < self.end


class BusinessHoursOptions(BaseModel):
    """`hours` as `Mon-Thu 09:00-18:00, Fri 09:00-16:00`; `time_zone` as `Europe/Berlin`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hours: str = "Mon-Fri 09:00-17:00"
    time_zone: str = "UTC"
    severities: tuple[str, ...] = ("info",)

    @field_validator("hours")
    @classmethod
    def _can_be_read(cls, text: str) -> str:
        parse(text)
        return text

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError, which reads badly
            raise ValueError(f"{name!r} is no time zone") from None
        except KeyError:
            raise ValueError(f"{name!r} is no time zone that is known here; write Europe/Berlin or UTC") from None
        return name


class BusinessHours:
    """Alerts of these severities that come within the hours, as the clocks of the time zone show them."""

    Options = BusinessHoursOptions

    def __init__(self, options: BusinessHoursOptions) -> None:
        self._hours = parse(options.hours)
        self._zone = ZoneInfo(options.time_zone)
        self._severities = frozenset(each.lower() for each in options.severities)

    def __call__(self, alert: Alert, now: datetime) -> str | None:
        if alert.severity.lower() not in self._severities:
            return None
        local = now.astimezone(self._zone)
        if not any(each.hold(local) for each in self._hours):
            return None
        return f"severity {alert.severity} in business hours ({local:%a %H:%M} {self._zone.key})"


def parse(text: str) -> tuple[Hours, ...]:
    """The hours of `Mon-Fri 09:00-17:00, Sat 10:00-12:00`. Raises ValueError."""
    return tuple(_hours(part) for part in text.split(","))


def _hours(text: str) -> Hours:
    found = _HOURS.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        first, last = (DAYS.index(day.lower()) for day in (found[1], found[2] or found[1]))
        begin, end = time(int(found[3]), int(found[4])), _end(int(found[5]), int(found[6]))
    except ValueError:
        raise ValueError(f"{text.strip()!r} are no hours; write for example Mon-Fri 09:00-17:00") from None
    if begin >= end or first > last:
        raise ValueError(f"{text.strip()!r} ends before it begins")
    return Hours(frozenset(range(first, last + 1)), begin, end)


def _end(hour: int, minute: int) -> time:
    """24:00 is the end of the day."""
    return time.max if (hour, minute) == (24, 0) else time(hour, minute)
