"""Alerts of severity info make no incident while we sit at our desks."""

from zoneinfo import ZoneInfo

from aiops_processor.plugins import Options, plugin


@plugin("filter")
class OfficeHours:
    class Options(Options):
        zone: str = "Europe/Berlin"
        days: int = 5
        hours: tuple[int, int] = (9, 17)

    def __init__(self, options):
        self.zone, self.days, self.hours = ZoneInfo(options.zone), options.days, range(*options.hours)

    def __call__(self, alert, now):
        local = now.astimezone(self.zone)
        at_work = local.weekday() < self.days and local.hour in self.hours
        return f"info at {local:%a %H:%M}, office hours" if at_work and alert.severity == "info" else None
