"""What one more word about an alert means for its episodes. Pure; order is event time, not the order of arrival."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from aiops_processor.services.receiving.webhook_body import Posted, plausible

LATEST_POST = timedelta(minutes=6)
"""A post that fails is tried again for as long as Alertmanager's group_interval: so much later none is on its way."""

Key = tuple[str, str]
"""(source, fingerprint)"""


class Track(msgspec.Struct, gc=False):
    """The newest episode of one alert: as stored, or about to be.

    `id` is None until it is stored; `last_seen` is when it was last said to fire; `alert` is what was said then, None
    where nothing was since it was read.
    """

    key: Key
    starts_at: datetime
    last_seen: datetime
    ended_at: datetime | None = None
    id: int | None = None
    previous_id: int | None = None
    alert: Posted | None = None

    @property
    def open(self) -> bool:
        return self.ended_at is None


class Said(msgspec.Struct, frozen=True, gc=False):
    """One alert of one post."""

    source: str
    receiver: str
    group_key: str
    alert: Posted
    at: datetime

    @property
    def key(self) -> Key:
        return (self.source, self.alert.fingerprint)


class Opened(NamedTuple):
    """A new episode, and the word that opened it."""

    word: Said
    track: Track


@dataclass
class Fold:
    """What has to be written: episodes that are new, and stored ones that changed."""

    opened: list[Opened] = field(default_factory=list)
    changed: dict[int, Track] = field(default_factory=dict)


def fold(known: Mapping[Key, Track], said: Iterable[Said]) -> Fold:
    """Apply what was said, in order, to the newest known episode of each alert.

    - firing, nothing open: a new episode; but one that began no later than the newest closed one belongs to that
      (a late or repeated post), and does not open it again, unless it comes too late for that: then it fires on
    - firing, one open: a repeat, which keeps the newest annotations (a second Alertmanager may give another startsAt);
      but one that began after the open one was last seen is a new episode, and the other ended unheard
    - resolved: ends the open episode, unless it ended before that one began; unknown ones are recorded as closed
    """
    newest = dict(known)
    result = Fold()
    for word in said:
        key = word.key
        track = newest.get(key)
        if track is None or _later(word, track):
            if track is not None and track.open:
                track.ended_at = max(track.last_seen, track.starts_at)
                result.changed |= {track.id: track} if track.id is not None else {}
            newest[key] = new = _open(key, word, track)
            result.opened.append(Opened(word, new))
            continue
        if _heard(track, word) and track.id is not None:
            result.changed[track.id] = track
    return result


def _later(word: Said, track: Track) -> bool:
    """A new episode: this one began after the newest one, or fires on so long after its end that no post is so late.

    A resolve may give another start than the firing did (a second Alertmanager), so its start must lie after the end.
    """
    began = _began(word)
    if track.ended_at is None:
        return word.alert.firing and began is not None and began > max(track.last_seen, track.starts_at)
    if word.alert.firing and word.at - track.ended_at >= LATEST_POST:
        return True
    return began is not None and began > (track.starts_at if word.alert.firing else track.ended_at)


def _open(key: Key, word: Said, previous: Track | None) -> Track:
    return Track(
        key=key,
        starts_at=_start(word, previous),
        last_seen=word.at,
        ended_at=None if word.alert.firing else _end(word),
        previous_id=previous.id if previous else None,
    )


def _start(word: Said, previous: Track | None) -> datetime:
    """What fires on after its end does so from there: the newest episode of an alert is the one that began last."""
    starts_at = _began(word) or word.at
    if word.alert.firing and previous and previous.ended_at and starts_at <= previous.starts_at:
        return previous.ended_at + timedelta(microseconds=1)
    return starts_at


def _heard(track: Track, word: Said) -> bool:
    """Update the newest episode; False where the word is about an older time and changes nothing."""
    if word.alert.firing:
        track.last_seen = max(track.last_seen, word.at)
        if track.open:
            track.alert = word.alert
        return True
    if not track.open or _end(word) < track.starts_at:
        return False
    track.ended_at = _end(word)
    return True


def _began(word: Said) -> datetime | None:
    """None where it gives an absurd time: of that one cannot say whether it is earlier or later."""
    return word.alert.starts_at if plausible(word.alert.starts_at, word.at) else None


def _end(word: Said) -> datetime:
    ends_at = word.alert.ends_at
    return ends_at if ends_at and plausible(ends_at, word.at) else word.at
