"""Who is told what, and when: the routes of the configuration, as a pure function. Every no has its reason in words.

A channel that no route names is told everything. One that routes name is told what one of them lets through. What was
told once is also told to be over, whatever has changed; a silent Watchdog is told to everybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from aiops_processor.models.alert import Alert
from aiops_processor.models.notification import Message, Occasion
from aiops_processor.notifiers.severity import at_least
from aiops_processor.query.matchers import Matcher, fit

EVERYTHING = frozenset({"opened", "analysed", "updated", "resolved"})
QUIET = "quiet hours until "
_LATER = frozenset({Occasion.JOINED, Occasion.ANALYSED})
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Quiet:
    """Hours of a zone in which a channel is left alone, begun on these days; not for alerts that `unless` fits."""

    start: time
    end: time
    zone: ZoneInfo
    days: frozenset[str] = frozenset()
    unless: tuple[Matcher, ...] = ()

    def until(self, now: datetime) -> datetime | None:
        """When they end, None where it is not quiet now. In UTC."""
        today = now.astimezone(self.zone).date()
        for day in (today - timedelta(days=1), today):
            begins, ends = self._of(day)
            if begins <= now < ends and (not self.days or _WEEK[day.weekday()] in self.days):
                return ends
        return None

    def _of(self, day: date) -> tuple[datetime, datetime]:
        last = day if self.end > self.start else day + timedelta(days=1)
        begins = datetime.combine(day, self.start, self.zone)
        return begins.astimezone(UTC), datetime.combine(last, self.end, self.zone).astimezone(UTC)


@dataclass(frozen=True)
class Route:
    """What these channels are told. No matchers fit every alert."""

    channels: frozenset[str]
    matchers: tuple[Matcher, ...] = ()
    on: frozenset[str] = EVERYTHING
    min_severity: str = "info"
    min_confidence: float = 0
    quiet: tuple[Quiet, ...] = ()
    remind_after: timedelta | None = None

    def refusal(self, message: Message, *, told: bool = True) -> str:
        """Why this message is not let through, "" where it is; the hours are not looked at.

        What comes later stands for the beginning where that was not told: the incident became severe, or one of ours.
        """
        begins = message.occasion in _LATER and not told and "opened" in self.on
        if self.matchers and not any(fit(self.matchers, alert.labels) for alert in message.alerts):
            return "no route of this channel fits its alerts"
        if not at_least(message.incident.severity, self.min_severity):
            return f"its severity is below {self.min_severity}"
        if (what := _what(message)) not in self.on and what in EVERYTHING and not begins:
            return f"not told when {what}"
        if message.occasion is Occasion.REMINDED and self.remind_after is None:
            return "no reminders are wanted"
        if message.occasion is Occasion.ANALYSED and message.analysis is not None and not begins:
            sure = message.analysis.confidence
            return f"its confidence {sure:.2f} is below {self.min_confidence:g}" if sure < self.min_confidence else ""
        return ""

    def quiet_until(self, alerts: Sequence[Alert], now: datetime) -> datetime | None:
        """When it may be told, None where that is now."""
        ends = [
            end
            for quiet in self.quiet
            if (end := quiet.until(now))
            and not (quiet.unless and any(fit(quiet.unless, alert.labels) for alert in alerts))
        ]
        return max(ends, default=None)


@dataclass(frozen=True)
class Decision:
    """Tell it now; or not, with the reason; or not before `until`."""

    reason: str = ""
    until: datetime | None = None


TELL = Decision()


@dataclass(frozen=True)
class Routing:
    """All routes. Without any everything is told to everybody."""

    routes: tuple[Route, ...] = ()

    def decide(self, channel: str, message: Message, now: datetime, *, told: bool, held: bool = False) -> Decision:
        """Whether this channel is told. `told`: it was told of this incident; `held`: quiet hours held this back."""
        routes = self._of(channel)
        if reason := _too_late(message, told=told, held=held):
            return Decision(reason)
        if not routes or message.incident.id < 0:
            return TELL
        if message.occasion in {Occasion.RESOLVED, Occasion.ACKNOWLEDGED, Occasion.APPROVAL}:
            return self._of_the_end(routes, message, now, told=told)
        return self._of_what_fires(routes, message, now, told=told)

    def remind_after(self, channel: str, message: Message) -> timedelta | None:
        """How often this channel wants to be reminded of this incident; None: never."""
        found = [route.remind_after for route in self._of(channel) if route.remind_after and not route.refusal(message)]
        return min(found, default=None)

    @property
    def soonest(self) -> timedelta:
        """After how long anybody is reminded of anything at the earliest."""
        return min((route.remind_after for route in self.routes if route.remind_after), default=timedelta.max)

    @property
    def reminds(self) -> frozenset[str]:
        """The channels that want reminders of something."""
        return frozenset(name for route in self.routes if route.remind_after for name in route.channels)

    def _of(self, channel: str) -> list[Route]:
        return [route for route in self.routes if channel in route.channels]

    def _of_what_fires(self, routes: Sequence[Route], message: Message, now: datetime, *, told: bool) -> Decision:
        reasons = {route: route.refusal(message, told=told) for route in routes}
        ends = [route.quiet_until(message.alerts, now) for route, reason in reasons.items() if not reason]
        if not ends:
            return Decision(next(iter(reasons.values())))
        if None in ends:
            return TELL
        if message.occasion is Occasion.REMINDED:
            return Decision("quiet hours")
        until = min(end for end in ends if end is not None)
        return Decision(f"{QUIET}{until:%Y-%m-%d %H:%M} UTC", until)

    def _of_the_end(self, routes: Sequence[Route], message: Message, now: datetime, *, told: bool) -> Decision:
        """What was told is told to be over even at night: it ends what rings, and alerts may have moved on."""
        what = _what(message)
        wanted = [route for route in routes if what in route.on or what not in EVERYTHING]
        if not wanted:
            return Decision(f"not told when {what}")
        if told:
            return TELL
        if message.occasion is not Occasion.RESOLVED:
            return Decision("this channel was told nothing of it")
        decision = self._of_what_fires(wanted, message, now, told=told)
        return Decision("it was over before the quiet hours were") if decision.until else decision


def _too_late(message: Message, *, told: bool, held: bool) -> str:
    """Why nobody wants to be told any more, "" where that is not so."""
    incident = message.incident
    if message.occasion is Occasion.REMINDED and (incident.resolved_at or incident.acknowledged_at):
        return "it is over, or somebody looks after it"
    if message.occasion is Occasion.JOINED and (incident.resolved_at or (held and told)):
        return "it is over, or was told with what quiet hours held back"
    if not held or message.occasion is Occasion.RESOLVED:
        return ""
    if incident.resolved_at:
        return "it was over before the quiet hours were"
    # To a channel that knows nothing of it either would be the beginning, and ring.
    begins = message.occasion in {Occasion.OPENED, *_LATER} and not told
    return "somebody looked after it before the quiet hours were over" if begins and incident.acknowledged_at else ""


def _what(message: Message) -> str:
    """The word of `on` for this message."""
    later = message.occasion is Occasion.JOINED or (message.occasion is Occasion.ANALYSED and message.update)
    return "updated" if later else message.occasion.value
