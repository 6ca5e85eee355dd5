"""A list of alerts that nobody wants to hear of."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from aiops_processor.models.alert import Alert


class IgnoreOptions(BaseModel):
    """`alerts` are alert names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alerts: tuple[str, ...] = ()


class Ignore:
    """Alerts of these names."""

    Options = IgnoreOptions

    def __init__(self, options: IgnoreOptions) -> None:
        self._alerts = frozenset(options.alerts)

    def __call__(self, alert: Alert, now: datetime) -> str | None:
        del now
        return f"{alert.name} is on the list of ignored alerts" if alert.name in self._alerts else None
