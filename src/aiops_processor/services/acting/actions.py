"""Which actions an incident gets, and who lets them happen. What is done then is in services/acting/doing.py."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import PluginFault, StorageError
from aiops_processor.masking import Mask, unsalted
from aiops_processor.models.action import ActionOccasion, ActionRecord, ActionState, mark
from aiops_processor.models.base import Frozen
from aiops_processor.models.incident import TimelineEntry
from aiops_processor.models.notification import Message, Occasion
from aiops_processor.plugins import Action, Guarded, Plans
from aiops_processor.plugins.guard import Fault
from aiops_processor.query import matchers
from aiops_processor.query.matchers import Matcher
from aiops_processor.services.telling.messages import message_about
from aiops_processor.storage import actions as rows
from aiops_processor.storage import audit, outbox
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage.database import Connection, Database

log = structlog.get_logger(__name__)

OUR_ACTIONS = "aiops_processor.actions."
US = "aiops"
"""Who did it, in the audit log, when no person did."""
BATCH = 50


@dataclass(frozen=True)
class Configured:
    """An action with what the settings say of it. Without `on` it happens only when somebody asks for it.

    `approvers` are the names of who may let it happen: users, `token NAME`, `slack:USERID`. To say what it would do it
    has `plan_seconds`; `fault` hears of what goes wrong there.
    """

    name: str
    action: Action
    on: frozenset[ActionOccasion] = frozenset()
    matchers: tuple[Matcher, ...] = ()
    dry_run: bool = True
    approval: bool = True
    approvers: tuple[str, ...] = ()
    seconds: float = 20.0
    plan_seconds: float = 5.0
    fault: Callable[[Fault], None] = lambda _: None

    def fits(self, message: Message) -> bool:
        """Whether any alert of the incident is meant."""
        return any(matchers.fit(self.matchers, alert.labels) for alert in message.alerts)

    async def plan(self, message: Message) -> str | None:
        """What it would do, in words; None where the incident is not meant or there is nothing to do.

        Raises PluginFault where the plugin cannot say: it is called away from the event loop, and not for long.
        """
        if not self.fits(message):
            return None
        plan = await self._guarded(message) if isinstance(self.action, Plans) else f"run {self.name}"
        return plan and unsalted(plan)

    @cached_property
    def _guarded(self) -> Guarded[str | None]:
        """One for all calls: it knows whether an earlier one still hangs."""
        assert isinstance(self.action, Plans)  # noqa: S101 - `plan` asks no other
        inline = type(self.action).__module__.startswith(OUR_ACTIONS)
        gives = (str, type(None))
        return Guarded("action", self.name, self.action.plan, self.plan_seconds, gives, self.fault, inline=inline)


@dataclass(frozen=True)
class Acts:
    """The actions in force by name, where people find incidents, and what masks what an action is given."""

    configured: Mapping[str, Configured] = field(default_factory=dict)
    external_url: str = ""
    mask: Mask | None = None

    def plugins(self) -> tuple[Action, ...]:
        return tuple(each.action for each in self.configured.values())


class Refused(Frozen):
    """Why nothing was decided."""

    why: Literal["unknown", "not allowed", "too late"]
    reason: str


Decided = ActionRecord | Refused


class Actions:
    """Proposes, and takes people's decisions. Every step is in the incident's timeline and in the audit log."""

    def __init__(self, database: Database, clock: Clock, acts: Acts | None = None) -> None:
        self._database = database
        self._clock = clock
        self.acts = acts or Acts()

    def use(self, acts: Acts) -> None:
        """From now on these are the actions."""
        self.acts = acts

    def for_asking(self) -> tuple[tuple[str, str], ...]:
        """Those that somebody may ask for: the name, and what stands on the button."""
        known = self.acts.configured.values()
        return tuple((each.name, getattr(each.action, "label", each.name)) for each in known if not each.on)

    def approvers(self, name: str) -> tuple[str, ...]:
        """Who may let this one happen; nobody where it is not configured any more."""
        configured = self.acts.configured.get(name)
        return configured.approvers if configured else ()

    async def propose(self) -> bool:
        """Look for the actions of incidents that were analysed or are over; True where there may be more of them."""
        async with self._database.read() as connection:
            found = await rows.occasions(connection, BATCH)
        for each in found:
            await self._look(each)
        return len(found) == BATCH

    async def _look(self, occurred: rows.Occurred) -> None:
        try:
            made, faults = await self._made(occurred)
        except StorageError:
            raise
        except Exception:  # one incident that cannot be put together must not keep the others from their actions
            log.exception("the actions of an incident could not be looked for", incident=occurred.incident_id)
            made, faults = list[ActionRecord](), list[PluginFault]()
        async with self._database.write() as connection:
            if not await rows.take(connection, occurred.id):
                return
            await self._expire(connection, occurred)
            for fault in faults:
                text = f"{fault}: it could not say what it would do, and nothing is done"
                entry = TimelineEntry(at=self._clock.now(), kind="note", text=text)
                await incident_rows.note(connection, occurred.incident_id, entry)
            for record in made:
                stored = await rows.put(connection, record)
                if stored is not None:
                    await step(connection, self._clock, stored, self._proposed(stored), US)
                    await self._have_asked(connection, stored)

    async def _have_asked(self, connection: Connection, record: ActionRecord) -> None:
        """Tell those who know of the incident, or are about to, that an action waits; most channels leave that out."""
        if record.state is ActionState.WAITING:
            told = await outbox.telling(connection, record.incident_id)
            await outbox.put(connection, record.incident_id, told, Occasion.APPROVAL, record.id, self._clock.now())

    async def _made(self, occurred: rows.Occurred) -> tuple[list[ActionRecord], list[PluginFault]]:
        """What the configured actions would do, thought about before anything is locked; and which cannot say."""
        wanted = [each for each in self.acts.configured.values() if occurred.occasion in each.on]
        if not wanted:
            return [], []
        message = await self.message(occurred.incident_id, occurred.occasion)
        if message is None or (message.incident.merged_into and occurred.occasion is ActionOccasion.ANALYSED):
            return [], []
        plans = await asyncio.gather(*(planned(each, message) for each in wanted))
        # Analysed once more is the same occasion; that it fires once more, or is over once more, is another.
        over = occurred.occasion is ActionOccasion.RESOLVED
        again = (occurred.occasion, occurred.revision if over else message.incident.reopened)
        both = list(zip(wanted, plans, strict=True))
        made = [self._record(each, plan, message, *again) for each, plan in both if isinstance(plan, str)]
        return made, [plan for plan in plans if isinstance(plan, PluginFault)]

    async def message(self, incident_id: int, occasion: ActionOccasion) -> Message | None:
        """The incident as an action is given it: what a channel is told, masked in the same way."""
        told = Occasion.RESOLVED if occasion is ActionOccasion.RESOLVED else Occasion.ANALYSED
        async with self._database.read() as connection:
            composed = await message_about(connection, incident_id, told, self.acts.external_url, self._clock.now())
        mask = self.acts.mask
        return composed if composed is None or mask is None else await asyncio.to_thread(mask.model, composed)

    async def approve(self, incident_id: int, name: str, by: str, seen: str = "") -> Decided:
        """Let what waits happen, as its plan says. `seen` is the digest of the plan that was read, where it is known.

        Raises StorageError.
        """
        return await self._decide(incident_id, name, by, seen, ActionState.DUE, "approved")

    async def decline(self, incident_id: int, name: str, by: str) -> Decided:
        """It shall not happen. Raises StorageError."""
        return await self._decide(incident_id, name, by, "", ActionState.DECLINED, "declined")

    async def ask(self, incident_id: int, name: str, by: str) -> Decided:
        """Have one done that happens only when it is asked for; whoever asks must be one who may approve it.

        While one is under way, that one is the answer: asked twice is asked once. Raises StorageError.
        """
        configured = self.acts.configured.get(name)
        if configured is None or configured.on:
            return Refused(why="unknown", reason=f"no action {name} can be asked for")
        if reason := _not_allowed(configured, by):
            return reason
        message = await self.message(incident_id, ActionOccasion.ASKED)
        if message is None:
            return Refused(why="unknown", reason=f"no incident {incident_id}")
        if message.incident.resolved_at:
            return Refused(why="too late", reason=f"incident {incident_id} is over")
        plan = await planned(configured, message)
        if not isinstance(plan, str):
            reason = f"{name} finds nothing to do here" if plan is None else f"{plan}: ask again later"
            return Refused(why="too late", reason=reason)
        return await self._asked(configured, message, plan, by)

    async def _asked(self, configured: Configured, message: Message, plan: str, by: str) -> Decided:
        incident_id = message.incident.id
        async with self._database.write() as connection:
            if await incident_rows.get_to_change(connection, incident_id) is None:
                return Refused(why="unknown", reason=f"no incident {incident_id}")
            before = [each for each in await rows.of_incident(connection, incident_id) if each.name == configured.name]
            if before and before[-1].state in rows.OPEN:
                return before[-1]
            record = self._record(configured, plan, message, ActionOccasion.ASKED, len(before), by)
            made = await rows.put(connection, record)
            if made is None:
                return Refused(why="too late", reason=f"{configured.name} was asked for meanwhile")
            await step(connection, self._clock, made, f"asked for by {by}: {plan}", by)
            return made

    def _record(
        self,
        configured: Configured,
        plan: str,
        message: Message,
        occasion: ActionOccasion,
        revision: int,
        by: str = "",
    ) -> ActionRecord:
        now, waits = self._clock.now(), configured.approval and not by
        state = ActionState.DRY_RUN if configured.dry_run else ActionState.WAITING if waits else ActionState.DUE
        if state is ActionState.WAITING and message.incident.resolved_at and occasion is ActionOccasion.ANALYSED:
            state = ActionState.EXPIRED  # it ended before it was analysed, and nobody looks there for what waits
        return ActionRecord(
            id=0,
            key=f"action-{mark(message.incident)}-{occasion}-{revision}-{configured.name}",
            incident_id=message.incident.id,
            name=configured.name,
            occasion=occasion,
            state=state,
            plan=plan,
            created_at=now,
            next_try_at=now if state is ActionState.DUE else None,
            ended_at=now if state in {ActionState.DRY_RUN, ActionState.EXPIRED} else None,
            decided_by=by,
        )

    def _proposed(self, record: ActionRecord) -> str:
        words = {
            ActionState.DRY_RUN: f"dry run: would {record.plan}",
            ActionState.EXPIRED: f"not asked for, for the incident is over: {record.plan}",
            ActionState.WAITING: f"waits for approval by {' or '.join(self.approvers(record.name))}: {record.plan}",
        }
        return words.get(record.state, f"about to {record.plan}")

    async def _decide(self, incident_id: int, name: str, by: str, seen: str, state: ActionState, word: str) -> Decided:
        now, configured = self._clock.now(), self.acts.configured.get(name)
        if configured is None:
            return Refused(why="unknown", reason=f"no action is called {name}")
        if reason := _not_allowed(configured, by):
            return reason
        async with self._database.write() as connection:
            record = await rows.latest_to_change(connection, incident_id, name)
            if record is None:
                return Refused(why="unknown", reason=f"incident {incident_id} has no action {name}")
            if record.state is not ActionState.WAITING:
                return Refused(why="too late", reason=f"{name} does not wait for an approval: it is {record.state}")
            if seen and seen != record.digest:
                return Refused(why="too late", reason=f"{name} would do something else by now: read it again")
            due = {"next_try_at": now} if state is ActionState.DUE else {"ended_at": now}
            values = {"state": state, "decided_by": by, **due}
            await rows.change(connection, record.id, **values)
            await step(connection, self._clock, record, f"{word} by {by}", by)
            return record.model_copy(update=values)

    async def _expire(self, connection: Connection, occurred: rows.Occurred) -> None:
        """What nobody approved in time: while it fired, or, where it was for the end, before it fired again."""
        over = occurred.occasion is ActionOccasion.RESOLVED
        incident = await incident_rows.get(connection, occurred.incident_id)
        fires = incident is not None and incident.resolved_at is None  # an analysis may also come after the end
        for record in await rows.waiting_of(connection, occurred.incident_id):
            if not over and not (fires and record.occasion is ActionOccasion.RESOLVED):
                continue
            text = "not approved before the incident was over" if over else "not approved before it fired again"
            waits = {"state": ActionState.WAITING}  # else it is approved in this moment, and may have begun
            if await rows.change(connection, record.id, waits, state=ActionState.EXPIRED, ended_at=self._clock.now()):
                await step(connection, self._clock, record, text, US)


async def planned(configured: Configured, message: Message) -> str | PluginFault | None:
    """What it would do, in words; None where there is nothing to do; the fault where the plugin cannot say."""
    try:
        return await configured.plan(message)
    except PluginFault as fault:
        return fault


async def step(connection: Connection, clock: Clock, record: ActionRecord, text: str, by: str) -> None:
    """One step of an action, in the incident's timeline and in the audit log."""
    now = clock.now()
    entry = TimelineEntry(at=now, kind="action", text=f"{record.name}: {text}")
    await incident_rows.note(connection, record.incident_id, entry)
    target = f"/incidents/{record.incident_id}/actions/{record.name}"
    await audit.begin(connection, now, by, "", f"action: {text}", target)


def _not_allowed(configured: Configured, by: str) -> Refused | None:
    if by in configured.approvers:
        return None
    names = ", ".join(configured.approvers) or "nobody"
    return Refused(why="not allowed", reason=f"{by or 'whoever has no name'} may not: {names} may")
