"""What stored alerts would have been with other grouping rules. Pure: changes nothing, and shows the difference.

The alerts come again in the order in which they came, each time beside the incidents that could take it then, by the
same function that groups in the service.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from aiops_processor.models.incident import Episode, title_of
from aiops_processor.services.grouping import joining
from aiops_processor.services.grouping.joining import Member, place_of
from aiops_processor.services.grouping.own_rules import ties
from aiops_processor.services.grouping.policy import Policy


class Joined(NamedTuple):
    """Several stored incidents that would be one; `reasons` are what ties them."""

    incidents: tuple[int, ...]
    title: str
    reasons: tuple[str, ...]


class Split(NamedTuple):
    """One stored incident that would be several, each with its title."""

    incident: int
    titles: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """How many alerts and incidents there are, how many there would be, and which are concerned."""

    alerts: int
    incidents: int
    would_be: int
    joined: tuple[Joined, ...] = ()
    split: tuple[Split, ...] = ()


@dataclass
class _Group:
    """An incident as it would be."""

    episodes: list[Episode] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def takes(self, now: datetime, window: timedelta) -> bool:
        """Whether it lasts, or ended so lately that more may join it."""
        return any(
            each.ended_at is None or max(each.ended_at, each.last_seen) >= now - window for each in self.episodes
        )


def regroup(episodes: Sequence[Episode], policy: Policy) -> Difference:
    """The difference between the incidents of these episodes and those that the policy would have made of them."""
    groups: dict[int, _Group] = {}
    members = {episode.id: _member(episode, policy) for episode in episodes}
    # By seconds: in which order they come within one makes no difference, and a storm is many posts.
    for _, posted in groupby(sorted(episodes, key=_arrival), key=lambda each: each.first_seen.replace(microsecond=0)):
        _place(list(posted), groups, members, policy)
    return _difference(episodes, list(groups.values()))


def _arrival(episode: Episode) -> tuple[datetime, datetime, int]:
    return episode.first_seen, episode.alert.starts_at, episode.id


def _place(new: Sequence[Episode], groups: dict[int, _Group], members: Mapping[int, Member], policy: Policy) -> None:
    """Put what came at one moment where it belongs."""
    now = new[0].first_seen
    existing = {
        number: [members[each.id] for each in group.episodes]
        for number, group in groups.items()
        if group.takes(now, policy.window)
    }
    for made in joining.group([members[each.id] for each in new], existing, policy.rules):
        number = made.incident if made.incident is not None else len(groups)
        group = groups.setdefault(number, _Group())
        for place, reason in made.new:
            group.episodes.append(new[place])
            group.reasons += [reason] * bool(reason)
        for other, reason in made.merged:
            group.episodes += groups[other].episodes
            group.reasons += [*groups[other].reasons, reason]
            groups[other] = _Group()  # its number is not given again


def _member(episode: Episode, policy: Policy) -> Member:
    labels, starts_at = episode.alert.labels, episode.alert.starts_at
    return Member(episode.source, episode.group_key, place_of(labels), starts_at, ties(labels, policy.own))


def _difference(episodes: Sequence[Episode], groups: Sequence[_Group]) -> Difference:
    made = [group for group in groups if group.episodes]
    parts: dict[int, list[_Group]] = defaultdict(list)
    for group in made:
        for number in _stored(group.episodes):
            parts[number].append(group)
    joined = [Joined(_stored(each.episodes), _title(each.episodes), _once(each.reasons)) for each in made]
    return Difference(
        alerts=len(episodes),
        incidents=len(parts),
        would_be=len(made),
        joined=tuple(each for each in joined if len(each.incidents) > 1),
        split=tuple(_split(number, found) for number, found in sorted(parts.items()) if len(found) > 1),
    )


def _split(number: int, groups: Iterable[_Group]) -> Split:
    return Split(number, tuple(_title([e for e in group.episodes if e.incident_id == number]) for group in groups))


def _stored(episodes: Iterable[Episode]) -> tuple[int, ...]:
    return tuple(sorted({each.incident_id for each in episodes if each.incident_id is not None}))


def _title(episodes: Sequence[Episode]) -> str:
    return title_of([each.alert for each in episodes])


def _once(reasons: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reasons))
