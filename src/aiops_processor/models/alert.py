"""An alert and the webhook that carries it, as Alertmanager 0.25 to 0.33 send them (payload version 4)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

NO_NAME = "(no alertname)"
ZERO_TIME = "0001-01-01T00:00:00Z"

_RFC3339 = re.compile(r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$")
_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3


def _timestamp(value: Any) -> Any:
    """Only RFC 3339 with a zone: pydantic alone would read "1700000000" and dates without a zone too."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("needs a time zone")
        return value
    if not isinstance(value, str) or not _RFC3339.match(value):
        raise ValueError("expected an RFC 3339 time such as 2026-01-31T12:00:00Z")
    return value


def _starts_at(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("0001-01-01T00:00:00"):
        raise ValueError("is the zero time: the sender did not set it; expected when the alert began to fire")
    return _timestamp(value)


def _ends_at(value: Any) -> Any:
    """Alertmanager writes the zero time while an alert fires; people at curl leave it empty."""
    if value is None or value == "" or (isinstance(value, str) and value.startswith("0001-01-01T00:00:00")):
        return None
    return _timestamp(value)


def _in_utc(value: datetime | None) -> datetime | None:
    try:
        return None if value is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from None


def _wire_time(value: datetime | None) -> str:
    return ZERO_TIME if value is None else value.isoformat().replace("+00:00", "Z")


StartsAt = Annotated[
    datetime, BeforeValidator(_starts_at), AfterValidator(_in_utc), PlainSerializer(_wire_time, when_used="json")
]
EndsAt = Annotated[
    datetime | None, BeforeValidator(_ends_at), AfterValidator(_in_utc), PlainSerializer(_wire_time, when_used="json")
]


class Alert(BaseModel):
    """One alert of a webhook.

    Field names are the wire's (`startsAt`) or Python's (`starts_at`); unknown keys are kept.
    `ends_at` is None while the alert fires. A missing `fingerprint` is computed as Alertmanager does.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    status: Literal["firing", "resolved"]
    labels: dict[str, str] = Field(min_length=1)
    annotations: dict[str, str] = Field(default_factory=dict)
    starts_at: StartsAt = Field(alias="startsAt")
    ends_at: EndsAt = Field(default=None, alias="endsAt")
    generator_url: str = Field(default="", alias="generatorURL")
    fingerprint: str = ""

    @model_validator(mode="before")
    @classmethod
    def _compute_fingerprint(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("fingerprint") and _is_label_set(data.get("labels")):
            return {**data, "fingerprint": fingerprint(data["labels"])}
        return data

    @property
    def name(self) -> str:
        """The `alertname` label; Alertmanager does not demand one."""
        return self.labels.get("alertname") or NO_NAME

    @property
    def severity(self) -> str:
        """The `severity` label as the rule's author wrote it, or "unknown"."""
        return self.labels.get("severity") or "unknown"

    @property
    def firing(self) -> bool:
        return self.status == "firing"


class Webhook(BaseModel):
    """One post of Alertmanager: a group of alerts that it tells a receiver about.

    A `firing` webhook may hold resolved alerts. `truncated_alerts` were left out by the receiver's `max_alerts`.
    `notification_reason` is new in 0.33. Unknown keys are kept.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    alerts: list[Alert]
    version: str = "4"
    status: str = ""
    receiver: str = ""
    group_key: str = Field(default="", alias="groupKey")
    group_labels: dict[str, str] = Field(default_factory=dict, alias="groupLabels")
    common_labels: dict[str, str] = Field(default_factory=dict, alias="commonLabels")
    common_annotations: dict[str, str] = Field(default_factory=dict, alias="commonAnnotations")
    external_url: str = Field(default="", alias="externalURL")
    truncated_alerts: int = Field(default=0, ge=0, alias="truncatedAlerts")
    notification_reason: str | None = None


def fingerprint(labels: Mapping[str, str]) -> str:
    """Alertmanager's fingerprint of a label set: FNV-1a (64 bit) over the sorted names and values, 16 hex digits.

    Source: prometheus/common `model.LabelSet.Fingerprint`.
    """
    digest = _FNV_OFFSET
    for name in sorted(labels):
        for byte in name.encode() + b"\xff" + labels[name].encode() + b"\xff":
            digest = ((digest ^ byte) * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return f"{digest:016x}"


def _is_label_set(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(k, str) and isinstance(v, str) for k, v in value.items())
