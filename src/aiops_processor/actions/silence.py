"""A silence in Alertmanager for exactly the alerts of an incident, read back before it counts as made."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

import httpx2
from pydantic import BaseModel, Field

from aiops_processor.actions.http import ApiOptions
from aiops_processor.clients.alertmanager import Alertmanager, Matcher, NewSilence, Silence
from aiops_processor.errors import (
    DeliveryError,
    DeliveryRefused,
    DeliveryUnavailable,
    DeliveryUncertain,
    SourceError,
    SourceUnavailable,
)
from aiops_processor.models.alert import Alert
from aiops_processor.models.notification import Message

MOST_ALERTS = 50
MOST_IDS = 5
MASKED = "‹"
AUTHOR = "aiops-processor"


class SilenceOptions(ApiOptions):
    """Without `url` it is the Alertmanager of the settings. `minutes` is how long the silence lasts."""

    tenant: str = ""
    cert_file: str = ""
    key_file: str = ""
    minutes: float = Field(default=60, gt=0, le=7 * 24 * 60)


class SilenceAction:
    """One silence for each alert that fires, by all of its labels: what has not fired stays audible."""

    Options: ClassVar[type[BaseModel]] = SilenceOptions

    def __init__(self, options: SilenceOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._lasts = timedelta(minutes=options.minutes)
        hours, rest = divmod(options.minutes, 60)
        self.label = f"Silence {hours:g} h" if hours and not rest else f"Silence {options.minutes:g} min"
        own = {name: getattr(options, name) for name in ("tenant", "cert_file", "key_file")}
        self._alertmanager = Alertmanager(options.endpoint().model_copy(update=own), transport)

    def plan(self, message: Message) -> str | None:
        alerts = _firing(message)
        if not alerts:
            return None
        named = "; ".join(map(_named, alerts))  # all of them: what is approved is what is silenced
        return f"silence {named} for {self._lasts.total_seconds() / 60:g} min"

    async def act(self, message: Message, key: str) -> str | None:
        """Raises a DeliveryError: DeliveryRefused where a label is masked, for then no silence would fit the alert."""
        alerts = _firing(message)
        if len(alerts) > MOST_ALERTS or message.more_alerts:
            raise DeliveryRefused(
                f"{len(alerts) + message.more_alerts} alerts are too many to silence one by one; silence them by hand"
            )
        if any(MASKED in value for labels in alerts for value in labels.values()):
            raise DeliveryRefused("a label looks like a secret and is masked; silence it by hand")
        try:
            there = await self._ours(key)
        except SourceError as error:
            raise _not_done(error) from None
        made = 0
        for labels in alerts:
            if _wanted(labels) not in there:
                await self._make(message, key, labels)
                made += 1
        return await self._read_back(alerts, key) if alerts else None

    async def find(self, message: Message, key: str) -> str | None:
        """None where any of its alerts is not silenced yet: `act` makes the missing ones. Raises a DeliveryError."""
        try:
            there = await self._ours(key)
        except SourceError as error:
            raise _not_done(error) from None
        alerts = _firing(message)
        return _line(there) if alerts and all(_wanted(labels) in there for labels in alerts) else None

    async def aclose(self) -> None:
        await self._alertmanager.aclose()

    async def _make(self, message: Message, key: str, labels: Mapping[str, str]) -> None:
        comment = f"incident {message.incident.id} {message.url} [{key}]"
        silence = NewSilence(
            matchers=[Matcher(name=name, value=value) for name, value in labels.items()],
            starts_at=message.sent_at,
            ends_at=message.sent_at + self._lasts,
            created_by=AUTHOR,
            comment=" ".join(comment.split()),
        )
        try:
            await self._alertmanager.post_silence(silence)
        except SourceUnavailable as error:
            raise DeliveryUncertain(str(error), error.retry_after) from None
        except SourceError as error:
            raise DeliveryRefused(str(error)) from None

    async def _read_back(self, alerts: Sequence[Mapping[str, str]], key: str) -> str:
        try:
            there = await self._ours(key)
        except SourceError as error:
            raise DeliveryUncertain(f"the silence was made and could not be read back: {error}") from None
        if any(_wanted(labels) not in there for labels in alerts):
            raise DeliveryUncertain("Alertmanager took the silence and does not list it")
        return _line(there)

    async def _ours(self, key: str) -> dict[frozenset[tuple[str, str]], Silence]:
        """The silences that were made under this key and are not over, by what they silence."""
        found = await self._alertmanager.silences()
        return {
            frozenset((each.name, each.value) for each in silence.matchers): silence
            for silence in found
            if f"[{key}]" in silence.comment and silence.status.state != "expired"
        }


def _firing(message: Message) -> list[Mapping[str, str]]:
    """The labels of each alert that fires, each once, in an order that does not change."""
    firing: list[Alert] = [alert for alert in message.alerts if alert.firing]
    return [dict(pairs) for pairs in sorted({tuple(sorted(alert.labels.items())) for alert in firing})]


def _wanted(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def _named(labels: Mapping[str, str]) -> str:
    others = ", ".join(f"{name}={value}" for name, value in labels.items() if name != "alertname")
    return f"{labels.get('alertname', '')}{{{others}}}"


def _line(there: Mapping[frozenset[tuple[str, str]], Silence]) -> str:
    until = max(silence.ends_at for silence in there.values())
    ids = ", ".join(sorted(silence.id for silence in there.values())[:MOST_IDS])
    return f"silenced until {until:%Y-%m-%d %H:%M} UTC ({ids})"


def _not_done(error: SourceError) -> DeliveryError:
    """Nothing was asked for yet, so nothing is uncertain."""
    if isinstance(error, SourceUnavailable):
        return DeliveryUnavailable(str(error), error.retry_after)
    return DeliveryRefused(str(error))
