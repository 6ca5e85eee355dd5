"""Environments that nobody is called for."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from aiops_processor.models.alert import Alert


class EnvironmentsOptions(BaseModel):
    """`environments` are values of the `labels`, which are looked at one after the other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environments: tuple[str, ...] = ("test",)
    labels: tuple[str, ...] = ("environment", "env", "stage")


class Environments:
    """Alerts of these environments; one that does not say which it is of is of none."""

    Options = EnvironmentsOptions

    def __init__(self, options: EnvironmentsOptions) -> None:
        self._environments = frozenset(options.environments)
        self._labels = options.labels

    def __call__(self, alert: Alert, now: datetime) -> str | None:
        del now
        found = next(filter(None, map(alert.labels.get, self._labels)), "")
        return f"environment {found}" if found in self._environments else None
