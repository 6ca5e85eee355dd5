"""How much of one alert is kept: a template gone wrong can write megabytes, which every later stage would carry."""

import hashlib
from collections.abc import Iterator, Mapping

import msgspec

from aiops_processor.models.alert import Alert, fingerprint

MOST_ALERT_BYTES = 256 * 1024
MOST_ANNOTATION_BYTES = 64 * 1024
MOST_ANNOTATIONS_BYTES = 128 * 1024
MOST_URL_BYTES = 16 * 1024
MOST_FINGERPRINT = 256
MOST_NAME = 4096
NAME_HEAD = 1024
CUT_MARK = "… [cut: longer than 64 kB]"
MARK = "aiops_left_out"
"""The annotation that says what is missing of an alert."""
READ_FIRST = ("summary", "description", "message", "title", "runbook_url", "dashboard_url")


def bounded(alert: Alert) -> tuple[Alert, str]:
    """The alert with as much of it as is kept, and what is not, in words ("" where all of it is).

    A long annotation is cut and marked. Of an alert that is too long all the same, unknown fields, an endless
    `generatorURL` and then the annotations that people read last are left out; its own annotation says so. Labels stay.
    """
    alert = _with_short_annotations(alert)
    size = len(_encoded(alert))
    if size <= MOST_ALERT_BYTES:
        return alert, ""
    annotations = dict(_read_first(alert.annotations))
    left_out = ", ".join(_left_out(alert, len(alert.annotations) - len(annotations)))
    said = f"the alert has {size // 1024} kB, of which {MOST_ALERT_BYTES // 1024} are kept; left out: {left_out}"
    return (
        Alert(
            status=alert.status,
            labels=alert.labels,
            annotations={**annotations, MARK: said},
            starts_at=alert.starts_at,
            ends_at=alert.ends_at,
            generator_url=alert.generator_url if _is_short_url(alert) else "",
            fingerprint=alert.fingerprint if _is_short_name(alert) else fingerprint(alert.labels),
        ),
        said,
    )


def bounded_name(text: str) -> str:
    """The text, or its beginning with a hash of all of it: what was equal stays equal, and what differed differs."""
    if len(text) <= MOST_NAME:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text[:NAME_HEAD]}… [cut: {len(text)} characters, sha256 {digest}]"


def _left_out(alert: Alert, annotations: int) -> Iterator[str]:
    if alert.model_extra:
        yield f"{len(alert.model_extra)} unknown fields"
    if not _is_short_url(alert):
        yield "generatorURL"
    if not _is_short_name(alert):
        yield "fingerprint"
    if annotations:
        yield f"{annotations} annotations"


def _is_short_url(alert: Alert) -> bool:
    return len(alert.generator_url.encode()) <= MOST_URL_BYTES


def _is_short_name(alert: Alert) -> bool:
    return len(alert.fingerprint) <= MOST_FINGERPRINT


def _read_first(annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """As many as there is room for, those first that people look at."""
    room = MOST_ANNOTATIONS_BYTES
    for name in sorted(annotations, key=lambda name: name not in READ_FIRST):
        size = len(msgspec.json.encode({name: annotations[name]}))
        if size <= room:
            room -= size
            yield name, annotations[name]


def _encoded(alert: Alert) -> bytes:
    return msgspec.json.encode(alert.model_dump(mode="json", by_alias=True))


def _with_short_annotations(alert: Alert) -> Alert:
    if all(len(value) <= MOST_ANNOTATION_BYTES // 4 for value in alert.annotations.values()):
        return alert  # even at four bytes a character it fits
    cut = {name: _cut(value) for name, value in alert.annotations.items()}
    return alert.model_copy(update={"annotations": cut})


def _cut(value: str) -> str:
    encoded = value[: MOST_ANNOTATION_BYTES + 1].encode()  # at least a byte a character: never all 50 MB again
    if len(encoded) <= MOST_ANNOTATION_BYTES:
        return value
    return encoded[:MOST_ANNOTATION_BYTES].decode(errors="ignore") + CUT_MARK
