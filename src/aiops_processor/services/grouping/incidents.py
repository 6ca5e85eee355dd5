"""From episodes to incidents: after the commit, serialised, so that a kill in between loses nothing."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from aiops_processor.clock import Clock
from aiops_processor.models.action import ActionOccasion
from aiops_processor.models.alert import Alert
from aiops_processor.models.case import Happening
from aiops_processor.models.incident import Episode, Incident, IncidentState, TimelineEntry, title_of
from aiops_processor.models.notification import Occasion
from aiops_processor.services.grouping import joining, members, news
from aiops_processor.services.grouping.filtering import Verdict
from aiops_processor.services.grouping.joining import Group, Member, Place, Tie, place_of
from aiops_processor.services.grouping.news import Joined, Younger
from aiops_processor.services.grouping.own_rules import ties
from aiops_processor.services.grouping.policy import Policy, Settling
from aiops_processor.services.grouping.priority import Priority
from aiops_processor.services.own import Own
from aiops_processor.services.watching.watchdogs import arm
from aiops_processor.storage import actions as action_rows
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import filtered as filtered_rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import members as member_rows
from aiops_processor.storage import outbox, readings
from aiops_processor.storage import ties as tie_rows
from aiops_processor.storage.database import Connection, Database, Turn
from aiops_processor.storage.members import StoredMember
from aiops_processor.storage.ties import StoredTie

BATCH = 1000
FEWEST = 20
SECONDS_A_PIECE = 0.015  # those who post wait for it on SQLite: nobody else writes meanwhile
TITLE_FROM = 100  # an incident of thousands is named by its first ones
REANALYSE_AFTER = timedelta(seconds=60)
COMPLETE: dict[str, object] = {"incomplete_since": None, "complete_at": None}  # no report waits for its model any more
FLAPS = 3  # so often back soon after its end: from then on it is flapping

# They say that alerting itself works, or silence others; a person can do nothing about them.
NOT_INCIDENTS = {
    "Watchdog": "the Watchdog fires always: it shows that alerts arrive",
    "InfoInhibitor": "InfoInhibitor only silences other alerts",
}


class _New(NamedTuple):
    """An episode without an incident, and what grouping looks at of it."""

    episode: Episode
    member: Member


@dataclass
class _Grouped:
    """What came of one piece: what was filtered and why, which incidents were touched, and what happened to them.

    `whole`: it had as many episodes as a piece may have.
    """

    filtered: list[tuple[Alert, str]] = field(default_factory=list)
    placed: set[int] = field(default_factory=set)
    happened: list[tuple[Happening, int]] = field(default_factory=list)
    episodes: int = 0
    whole: bool = False
    more: bool = False


class Incidents:
    """Groups what ingest stored, and ends incidents whose alerts are all over."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        channels: Sequence[str],
        settling: Settling,
        policy: Policy | None = None,
        own: Own | None = None,
    ) -> None:
        self._own = own
        self._piece = BATCH
        self._happened: list[tuple[Happening, int]] = []
        self._database = database
        self._clock = clock
        self._channels = channels
        self._settling = settling
        self._policy = policy or Policy()

    def use(self, channels: Sequence[str], settling: Settling, policy: Policy) -> None:
        """From now on tell these channels, wait so long, and group by this policy."""
        self._channels = channels
        self._settling = settling
        self._policy = policy

    @property
    def longest_wait(self) -> timedelta:
        """How far ahead an analysis may be due."""
        return max(REANALYSE_AFTER, timedelta(seconds=max(self._settling.seconds, self._settling.most_seconds)))

    async def group(self) -> bool:
        """One batch of new episodes, in pieces between which others write; True where there may be more."""
        verdicts, left = await self._judged(), BATCH
        while left > 0:
            grouped = await self._database.run(partial(self._group, verdicts), Turn.GROUPING)
            if self._own:
                self._committed(self._own, grouped)
            if not grouped.whole:
                return grouped.more
            left -= grouped.episodes
        return True

    async def _judged(self) -> Mapping[int, Verdict] | None:
        """What filters say of what is to be grouped, None where there are none.

        Before the transaction: nobody else may wait for a slow one. What comes in meanwhile is judged next time, and so
        is what there was no time for.
        """
        if self._own is None or not self._own.filtering.any:
            return None
        async with self._database.read() as connection:
            new = await alert_rows.ungrouped(connection, BATCH)
        expected = self._policy.expected
        asked = {each.id: each for each in new if not (expected.fits(each.alert) or not_an_incident(each.alert))}
        passed = {each.id: Verdict() for each in new if each.id not in asked}
        return {**passed, **await self._own.filtering.judge(asked.values())}

    async def _group(self, verdicts: Mapping[int, Verdict] | None, connection: Connection) -> _Grouped:
        began, now, grouped = time.monotonic(), self._clock.now(), _Grouped()
        self._happened = grouped.happened
        found = await alert_rows.ungrouped(connection, self._piece)
        new = found if verdicts is None else [episode for episode in found if episode.id in verdicts]
        await readings.note_names(connection, {(episode.source, episode.alert.name) for episode in new}, now)
        episodes = await self._remarkable(connection, new)
        episodes, grouped.filtered = await _leave_out(connection, episodes, verdicts or {})
        await self._resolve_unheard(connection, episodes, now)
        remarkable = [_New(each, self._member(each)) for each in episodes]
        known = await self._known(connection, remarkable, now)
        for group in await self._grouped(connection, remarkable, known, now):
            incident_id, placed = await self._place(connection, group, remarkable, now, verdicts or {})
            grouped.placed.add(incident_id)
            await member_rows.keep(connection, placed.difference(known))
        for incident in await incident_rows.over(connection):
            await self._resolve(connection, incident, now)
        grouped.episodes, grouped.whole = len(new), len(new) == self._piece
        grouped.more = len(found) == self._piece or len(new) < len(found)
        if found:
            self._piece = piece_after(len(found), time.monotonic() - began)
        return grouped

    async def _remarkable(self, connection: Connection, new: Sequence[Episode]) -> list[Episode]:
        """Without the Watchdogs, which are expected from now on, and others that never become incidents."""
        watchdogs = [episode for episode in new if self._policy.expected.fits(episode.alert)]
        others = [episode for episode in new if not_an_incident(episode.alert)]
        await arm(connection, watchdogs)
        left_out = {episode.id for episode in (*watchdogs, *others)}
        if left_out:
            await alert_rows.assign(connection, sorted(left_out), None)
        return [episode for episode in new if episode.id not in left_out]

    async def claim_due(self, most: int = BATCH) -> list[Incident]:
        """Take incidents whose analysis is due: each is in its next generation afterwards."""
        return await self._database.run(partial(self._claim_due, most))

    async def open_by_hand(
        self, alerts: Sequence[Alert], *, notify: bool, reason: str = "asked for through /analyze"
    ) -> Incident:
        """An incident that somebody asked for: it does not settle, and Alertmanager does not end it."""
        now = self._clock.now()
        async with self._database.write() as connection:
            opened = await incident_rows.create(
                connection,
                _incident(alerts, self._policy.priority, "manual", "", now, reason, manual=True),
                notify=notify,
            )
            source = f"manual-{opened.id}"  # of its own: it must not meet the episodes of real alerts
            rows = [grouped_row(alert, source, opened.id, now) for alert in _distinct(alerts)]
            await alert_rows.insert_episodes(connection, rows)
            await incident_rows.note(connection, opened.id, _entry(now, "opened", opened.reason))
            return await self._claim(connection, opened, now)

    async def _grouped(
        self, connection: Connection, new: Sequence[_New], known: Sequence[StoredMember], now: datetime
    ) -> list[Group]:
        """New episodes beside the incidents that could take them: those that last, and those that just ended."""
        if not new:
            return []
        first, window = min(each.member.starts_at for each in new), self._policy.window
        existing: dict[int, list[Member]] = defaultdict(list)
        for each in known:
            existing[each.incident_id].append(members.member_of(each, first))
        since = _before(first, window)
        for tie in await tie_rows.of_joinable(connection, since, now - window) if self._policy.own else ():
            place = Place(realm=tie.realm)
            existing[tie.incident_id].append(Member("", "", place, tie.starts_at, (Tie(tie.tie),)))
        return joining.group([each.member for each in new], existing, self._policy.rules)

    async def _known(self, connection: Connection, new: Sequence[_New], now: datetime) -> list[StoredMember]:
        """What these may belong to of the incidents that they may join."""
        if not new:
            return []
        window = self._policy.window
        began = [each.member.starts_at for each in new]
        since, until = _before(min(began), window), _after(max(began), window)
        keys = members.looked_for((each.member for each in new), self._policy.rules)
        return await member_rows.under(connection, keys, since, until, now - window)

    def _member(self, episode: Episode) -> Member:
        """To the second, so that what is kept of a storm of thousands is little."""
        labels, starts_at = episode.alert.labels, episode.alert.starts_at.replace(microsecond=0)
        return Member(episode.source, episode.group_key, place_of(labels), starts_at, ties(labels, self._policy.own))

    async def _place(
        self,
        connection: Connection,
        group: Group,
        new: Sequence[_New],
        now: datetime,
        verdicts: Mapping[int, Verdict],
    ) -> tuple[int, set[StoredMember]]:
        """Put the episodes of a group into its incident, and close what turned out to be the same incident.

        Returns the incident, and what later groupings have to know of the episodes.
        """
        episodes = [new[place].episode for place, _ in group.new]
        joined = {new[place].member for place, _ in group.new}
        known = None if group.incident is None else await incident_rows.get_to_change(connection, group.incident)
        incident = known or await self._open(connection, episodes, now)
        merged = [await self._merge(connection, other, incident, reason, now) for other, reason in group.merged]
        if known:
            await self._join(connection, known, episodes, list(filter(None, merged)), now)
        await alert_rows.assign(connection, [episode.id for episode in episodes], incident.id)
        await tie_rows.keep(connection, [tie for member in joined for tie in _stored_ties(member, incident)])
        for reason, names in _reasons(group, new).items():
            await incident_rows.note(connection, incident.id, _entry(now, "joined", f"{names}: {reason}"))
        for fault in dict.fromkeys(fault for each in episodes for fault in verdicts.get(each.id, Verdict()).faults):
            await incident_rows.note(connection, incident.id, _entry(now, "note", fault))
        return incident.id, {row for member in joined for row in members.stored(member, incident.id)}

    def _committed(self, own: Own, grouped: _Grouped) -> None:
        """What plugins are told and asked once it cannot be undone any more."""
        own.filtering.count(reason for _, reason in grouped.filtered)
        for alert, reason in grouped.filtered:
            own.events.happened(Happening.FILTERED, alert=alert, text=reason)
        for kind, incident_id in grouped.happened:
            own.events.happened(kind, incident_id)
        own.ordering.put_in_order(grouped.placed)

    async def _open(self, connection: Connection, episodes: Sequence[Episode], now: datetime) -> Incident:
        first = episodes[0]
        reason = f"Alertmanager group {first.group_key}" if first.group_key else "an alert without a group"
        alerts = [episode.alert for episode in episodes]
        new = _incident(alerts, self._policy.priority, first.source, first.group_key, now, reason)
        due_at = self._settling.due(now, now)
        incident = await incident_rows.create(connection, new.model_copy(update={"due_at": due_at}), notify=True)
        await incident_rows.note(connection, incident.id, _entry(now, "opened", f"{_names(episodes)} ({reason})"))
        await outbox.put(connection, incident.id, self._channels, Occasion.OPENED, 0, now)
        self._happened.append((Happening.OPENED, incident.id))
        return incident

    async def _join(
        self,
        connection: Connection,
        incident: Incident,
        episodes: Sequence[Episode],
        merged: Sequence[Younger],
        now: datetime,
    ) -> None:
        """Episodes join, and other incidents; an alert that the incident did not have is worth another analysis."""
        fingerprints = {episode.alert.fingerprint for episode in episodes}
        perhaps = {e.alert.fingerprint for e in episodes if e.previous is not None or e.source != incident.source}
        known = await alert_rows.known_in(connection, incident.id, perhaps)
        oldest = await alert_rows.first_of_incident(connection, incident.id, TITLE_FROM)
        alerts = [e.alert for e in (*oldest, *(e for e in episodes if e.alert.fingerprint not in known))]
        ranks = self._policy.priority
        changes: dict[str, object] = {
            "title": title_of(alerts),
            "severity": min(
                incident.severity, ranks.worst(alerts), *(each.severity for each in merged), key=ranks.gravity
            ),
            "priority": min(incident.priority, ranks.of(alerts), *(each.priority for each in merged)),
            "updated_at": now,
        }
        if fingerprints - known or merged or (incident.resolved_at and not incident.flapping):
            changes |= {"due_at": self._next_due(incident, now), **COMPLETE}
        if incident.resolved_at:
            changes |= await self._reopen(connection, incident, now)
        else:
            is_news = news.is_news(incident, Joined(episodes, merged, oldest), ranks)
            channels = self._channels
            if not is_news:
                channels = await news.only_of_younger(connection, incident, merged, channels)
            revision = news.revision(incident, ranks.gravity(str(changes["severity"])))
            await outbox.put(connection, incident.id, channels, Occasion.JOINED, revision, now)
        await incident_rows.change(connection, incident.id, **changes)

    async def _reopen(self, connection: Connection, incident: Incident, now: datetime) -> dict[str, object]:
        """It ended and fires again soon after: the same incident, and people who were told of its end are told."""
        times = incident.reopened + 1
        state = IncidentState.OPEN if incident.state == IncidentState.RESOLVED else incident.state
        await outbox.put(connection, incident.id, self._channels, Occasion.OPENED, times, now)
        self._happened.append((Happening.OPENED, incident.id))
        await incident_rows.note(connection, incident.id, _entry(now, "opened", "fires again soon after its end"))
        if times == FLAPS:
            text = f"is flapping: {FLAPS} times back soon after its end; it is not analysed again for coming back"
            await incident_rows.note(connection, incident.id, _entry(now, "note", text))
        unseen = {"acknowledged_at": None, "acknowledged_by": ""}
        return {"resolved_at": None, "reopened": times, "state": state, "flapping": times >= FLAPS, **unseen}

    async def _merge(
        self, connection: Connection, other: int, into: Incident, reason: str, now: datetime
    ) -> Younger | None:
        """The younger incident was the same all along: its episodes move, and it is closed with a link.

        Returns what is to be known of it, None where it was over.
        """
        younger = await incident_rows.get_to_change(connection, other)
        if younger is None:
            return None
        await alert_rows.move(connection, other, into.id)
        await tie_rows.move(connection, other, into.id)
        await member_rows.move(connection, other, into.id)
        await incident_rows.change(
            connection,
            other,
            state=IncidentState.RESOLVED,
            merged_into=into.id,
            resolved_at=younger.resolved_at or now,
            updated_at=now,
            due_at=None,
        )
        text = f"is the same as incident {into.id}: {reason}"
        await incident_rows.note(connection, other, _entry(now, "resolved", text))
        await incident_rows.note(connection, into.id, _entry(now, "joined", f"incident {other}: {reason}"))
        if younger.resolved_at is not None:
            return None
        knew = await outbox.telling(connection, other)  # before everybody is about to be told of its end
        await outbox.put(connection, other, self._channels, Occasion.RESOLVED, younger.reopened, now)
        await action_rows.note(connection, other, ActionOccasion.RESOLVED, younger.reopened)
        self._happened.append((Happening.RESOLVED, other))
        return Younger(younger.severity, younger.priority, knew)

    def _next_due(self, incident: Incident, now: datetime) -> datetime:
        """What was analysed is so again a while after the first that joined: a stream of others must not put it off."""
        if incident.generation == 0:
            return self._settling.due(incident.opened_at, now)
        again = now + max(REANALYSE_AFTER, timedelta(seconds=self._settling.seconds))
        return min(incident.due_at or again, again)

    async def _resolve(self, connection: Connection, incident: Incident, now: datetime) -> None:
        settled = incident.state in {IncidentState.ANALYSED, IncidentState.FAILED}
        state = IncidentState.RESOLVED if settled else incident.state
        await incident_rows.change(connection, incident.id, resolved_at=now, updated_at=now, state=state)
        await incident_rows.note(connection, incident.id, _entry(now, "resolved", "all of its alerts are over"))
        await outbox.put(connection, incident.id, self._channels, Occasion.RESOLVED, incident.reopened, now)
        await action_rows.note(connection, incident.id, ActionOccasion.RESOLVED, incident.reopened)
        self._happened.append((Happening.RESOLVED, incident.id))

    async def _resolve_unheard(self, connection: Connection, new: Sequence[Episode], now: datetime) -> None:
        """What ended unheard, long before its alert fires again, is over: the new episode is another story."""
        back = [episode.previous for episode in new if episode.previous is not None]
        before = now - self._policy.window
        for incident, ended_at in await incident_rows.left_behind(connection, back, before) if back else ():
            await self._resolve(connection, incident, now)
            await incident_rows.change(connection, incident.id, resolved_at=ended_at)

    async def _claim_due(self, most: int, connection: Connection) -> list[Incident]:
        now = self._clock.now()
        due = await incident_rows.due(connection, now, most)
        return [await self._claim(connection, incident, now) for incident in due]

    async def _claim(self, connection: Connection, incident: Incident, now: datetime) -> Incident:
        completions = incident.completions + 1 if incident.incomplete_since else 0
        next_one = {"generation": incident.generation + 1, "completions": completions}
        changes = {"state": IncidentState.ANALYSING, "due_at": None, "complete_at": None, **next_one}
        await incident_rows.change(connection, incident.id, **changes, updated_at=now)
        return incident.model_copy(update=changes)


def piece_after(count: int, seconds: float) -> int:
    """How many episodes are grouped within SECONDS_A_PIECE, where so many took so long."""
    return max(FEWEST, min(BATCH, int(count * SECONDS_A_PIECE / max(seconds, 0.001))))


def not_an_incident(alert: Alert) -> str | None:
    """Why this alert never becomes an incident, None where it may."""
    return NOT_INCIDENTS.get(alert.name)


async def _leave_out(
    connection: Connection, episodes: Sequence[Episode], verdicts: Mapping[int, Verdict]
) -> tuple[list[Episode], list[tuple[Alert, str]]]:
    """Write down which of them make no incident, and why. Returns the others, and these with their reasons."""
    left, filtered = list[Episode](), defaultdict[str, list[Episode]](list)
    for episode in episodes:
        reason = verdicts.get(episode.id, Verdict()).reason
        (filtered[reason] if reason else left).append(episode)
    for reason, out in filtered.items():
        await filtered_rows.leave_out(connection, [episode.id for episode in out], reason)
    return left, [(episode.alert, reason) for reason, out in filtered.items() for episode in out]


def _stored_ties(member: Member, incident: Incident) -> list[StoredTie]:
    return [StoredTie(incident.id, tie.key, member.place.realm, member.starts_at) for tie in member.ties]


def _reasons(group: Group, new: Sequence[_New]) -> dict[str, str]:
    """Why episodes joined, in words, each reason once with the alerts that it holds for."""
    found: dict[str, list[Episode]] = defaultdict(list)
    for place, reason in group.new:
        if reason:
            found[reason].append(new[place].episode)
    return {reason: _names(episodes) for reason, episodes in found.items()}


def _incident(
    alerts: Sequence[Alert],
    priority: Priority,
    source: str,
    group: str,
    now: datetime,
    reason: str,
    *,
    manual: bool = False,
) -> Incident:
    return Incident(
        id=0,
        title=title_of(alerts),
        severity=priority.worst(alerts),
        priority=priority.of(alerts),
        state=IncidentState.OPEN,
        source=source,
        group_key=group,
        reason=reason,
        opened_at=now,
        updated_at=now,
        manual=manual,
    )


def grouped_row(
    alert: Alert, source: str, incident_id: int, now: datetime, *, reconstructed: bool = False
) -> dict[str, object]:
    """The row of an episode that has its incident from the beginning."""
    return {
        "source": source,
        "fingerprint": alert.fingerprint,
        "receiver": "",
        "group_key": "",
        "starts_at": alert.starts_at,
        "ended_at": alert.ends_at,
        "first_seen": now,
        "last_seen": now,
        "fired": True,
        "grouped": True,
        "incident_id": incident_id,
        "previous_id": None,
        "reconstructed": reconstructed,
        "alert": alert.model_dump(mode="json", by_alias=True),
    }


def _before(at: datetime, span: timedelta) -> datetime:
    """So much earlier, or the beginning of the calendar."""
    return at - span if at - datetime.min.replace(tzinfo=at.tzinfo) > span else at


def _after(at: datetime, span: timedelta) -> datetime:
    """So much later, or the end of the calendar."""
    return at + span if datetime.max.replace(tzinfo=at.tzinfo) - at > span else at


def _distinct(alerts: Sequence[Alert]) -> list[Alert]:
    return list({alert.fingerprint: alert for alert in alerts}.values())


def _names(episodes: Sequence[Episode]) -> str:
    return title_of([episode.alert for episode in episodes])


def _entry(now: datetime, kind: str, text: str) -> TimelineEntry:
    return TimelineEntry.model_validate({"at": now, "kind": kind, "text": text})
