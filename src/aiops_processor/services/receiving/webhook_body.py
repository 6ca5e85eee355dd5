"""Taking apart what was posted: each alert is judged on its own, so that one bad alert never costs a good one."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from pydantic import ValidationError

from aiops_processor.errors import InputError, NotAWebhook
from aiops_processor.models.alert import ZERO_TIME, Alert
from aiops_processor.services.receiving.alert_size import bounded, bounded_name

MOST_LABEL_BYTES = 64 * 1024
PLAUSIBLE_FUTURE = timedelta(hours=1)
PLAUSIBLE_PAST = timedelta(days=366)


class Envelope(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A webhook without its alerts."""

    receiver: str = ""
    status: str = ""
    group_key: str = ""
    truncated_alerts: int = 0
    external_url: str = msgspec.field(default="", name="externalURL")


_SENT_AS = dict(zip(Envelope.__struct_fields__, Envelope.__struct_encode_fields__, strict=True))


class _Wire(Envelope, frozen=True, kw_only=True):
    alerts: list[msgspec.Raw]


class Body(msgspec.Struct, frozen=True):
    """A webhook whose alerts are still the bytes that came. `cut` names what was too long of the envelope."""

    envelope: Envelope
    alerts: list[msgspec.Raw]
    cut: tuple[str, ...] = ()


class Posted(msgspec.Struct, frozen=True, gc=False):
    """An alert as far as storing looks at it. `text` is all of it, as JSON that makes an `Alert` again."""

    firing: bool
    starts_at: datetime
    ends_at: datetime | None
    fingerprint: str
    text: str

    @classmethod
    def of(cls, alert: Alert) -> "Posted":
        text = msgspec.json.encode(alert.model_dump(mode="json", by_alias=True)).decode()
        return cls(alert.firing, alert.starts_at, alert.ends_at, alert.fingerprint, text)

    def alert(self) -> Alert:
        return Alert.model_validate(msgspec.json.decode(self.text))


_TIME = re.compile(r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z")


class _Usual(msgspec.Struct, frozen=True, gc=False, rename="camel", forbid_unknown_fields=True):
    """An alert with what Alertmanager sends and nothing else: most of them, and several times as fast to judge."""

    status: Literal["firing", "resolved"]
    labels: Annotated[dict[str, str], msgspec.Meta(min_length=1)]
    annotations: dict[str, str]
    starts_at: str
    ends_at: str
    fingerprint: Annotated[str, msgspec.Meta(min_length=1)]
    generator_url: str = msgspec.field(default="", name="generatorURL")


_USUAL = msgspec.json.Decoder(_Usual)


class _OnlyLabels(msgspec.Struct, frozen=True):
    labels: msgspec.Raw = msgspec.Raw(b"null")


class Taken(msgspec.Struct, frozen=True, gc=False):
    """An alert that is good, with what looks odd about it ("" where nothing does)."""

    index: int
    alert: Posted
    warning: str = ""


class Bad(msgspec.Struct, frozen=True):
    """An alert that is not, with the field and the remedy, and the bytes that came."""

    index: int
    reason: str
    raw: bytes


def take_apart(body: bytes) -> Body:
    """The envelope and the raw alerts of a posted body. Raises NotAWebhook, which names the field."""
    try:
        wire = msgspec.json.decode(body, type=_Wire)
    except msgspec.ValidationError as error:
        raise NotAWebhook(*_field_and_reason(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        wire = _leniently(body, str(error))
    sent: dict[str, Any] = {name: getattr(wire, name) for name in Envelope.__struct_fields__}
    kept: dict[str, Any] = {
        name: bounded_name(value) if isinstance(value, str) else value for name, value in sent.items()
    }
    cut = tuple(_SENT_AS[name] for name in kept if kept[name] != sent[name])
    return Body(Envelope(**kept), wire.alerts, cut)


def judge(raws: Sequence[msgspec.Raw], first: int, now: datetime) -> Iterator[Taken | Bad]:
    """Each alert as a value or as a reason. `first` is the place of the first one in the body."""
    for index, raw in enumerate(raws, first):
        try:
            usual = _usual(raw)
            kept, left_out = (usual, "") if usual else _unusual(raw)
        except InputError as error:
            yield Bad(index, str(error), bytes(raw))
        except ValidationError as error:
            yield Bad(index, _reason(error), bytes(raw))
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            yield Bad(index, f"is not readable: {error}", bytes(raw))
        else:
            odd = "" if plausible(kept.starts_at, now) else _oddity(kept.starts_at, now)
            yield Taken(index, kept, "; ".join(filter(None, (left_out, odd))) if left_out or odd else "")


def _usual(raw: msgspec.Raw) -> Posted | None:
    """The alert, if it is one as Alertmanager sends it and short; None where it must be looked at more closely."""
    if memoryview(raw).nbytes > MOST_LABEL_BYTES:  # without a copy: it may be 50 MB
        return None
    try:
        wire = _USUAL.decode(raw)
        starts_at, ends_at = _time(wire.starts_at), _time(wire.ends_at)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if starts_at is None:
        return None
    return Posted(wire.status == "firing", starts_at, ends_at, wire.fingerprint, str(raw, "utf-8"))


@lru_cache(maxsize=1024)  # the times of one post are few
def _time(text: str) -> datetime | None:
    """The time, None for Go's zero time. Raises ValueError where it is not spelt as Alertmanager does."""
    if not _TIME.fullmatch(text):
        raise ValueError(text)
    return None if text.startswith(ZERO_TIME[:-1]) else datetime.fromisoformat(text)


def _unusual(raw: msgspec.Raw) -> tuple[Posted, str]:
    """As much of the alert as is kept, and what is not."""
    alert, left_out = bounded(Alert.model_validate(_decode(raw)))
    return Posted.of(alert), left_out


def delivery_key(source: str, envelope: Envelope, alerts: Sequence[Posted]) -> str:
    """The same for every post of one source that says the same.

    hash(source, receiver, groupKey, sorted(fingerprint, status, startsAt)).
    """
    said = sorted((alert.fingerprint, alert.firing, alert.starts_at.timestamp()) for alert in alerts)
    return hashlib.sha256(msgspec.json.encode([source, envelope.receiver, envelope.group_key, said])).hexdigest()


def as_letter(envelope: Envelope, raw: bytes) -> bytes:
    """A webhook with this one alert in it, which can be posted again as it is."""
    return msgspec.json.encode({**msgspec.to_builtins(envelope), "alerts": [msgspec.Raw(raw)]})


def _leniently(body: bytes, problem: str) -> _Wire:
    """Bad UTF-8 or a lone surrogate (`\\ud800`) anywhere makes msgspec refuse it all; as in Go they become "?"."""
    try:
        data = json.loads(body.decode(errors="replace"), parse_constant=_refuse)
        return msgspec.json.decode(json.dumps(data, ensure_ascii=False).encode(errors="replace"), type=_Wire)
    except (ValueError, RecursionError):
        raise NotAWebhook("", f"the body is not JSON: {problem}", malformed=True) from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _field_and_reason(message: str) -> tuple[str, str]:
    """msgspec says "Expected `array`, got `null` - at `$.alerts`"."""
    reason, _, path = message.partition(" - at `$")
    if "missing required field `" in reason:
        return reason.split("`")[1], "is missing; expected an Alertmanager webhook (payload version 4)"
    return path.strip("`.") or "body", f"{reason}; expected an Alertmanager webhook (payload version 4)"


def _reason(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'alert'}: {_words(e)}" for e in error.errors(include_input=False)[:5]
    )


def _words(error: Any) -> str:
    if error["type"] == "missing":
        return "is missing"
    return str(error["msg"]).removeprefix("Value error, ")


def _decode(raw: msgspec.Raw) -> Any:
    """The alert as plain values. Labels are measured first: a million of them as objects are 200 MB."""
    if memoryview(raw).nbytes > MOST_LABEL_BYTES:
        labels = msgspec.json.decode(raw, type=_OnlyLabels).labels
        if len(bytes(labels)) > MOST_LABEL_BYTES:
            raise InputError(
                "labels", f"{len(bytes(labels)) // 1024} kB, at most {MOST_LABEL_BYTES // 1024} kB are taken"
            )
    return msgspec.json.decode(raw)


@lru_cache(maxsize=1024)
def plausible(at: datetime, now: datetime) -> bool:
    """Whether a time that was sent may be meant. One that is not says nothing, and what uses it would go astray."""
    return now - PLAUSIBLE_PAST <= at <= now + PLAUSIBLE_FUTURE


def _oddity(starts_at: datetime, now: datetime) -> str:
    """An absurd time does not make an alert worth less: its episode begins when it arrived."""
    where = "in the future" if starts_at > now else "more than a year ago"
    return f"startsAt: {starts_at.isoformat()} is {where}; taken as of now"
