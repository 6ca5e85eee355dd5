"""Doing what is due: each action alone, within its time, once. The row says before that it begins, and after what came.

After a kill in between, or an answer that never came, it is asked whether it was done, for as long as the other side
may not know it yet; where it cannot tell it is not done again: it ends as `unknown`, for a person to look.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import (
    DeliveryRefused,
    DeliveryUnavailable,
    DeliveryUncertain,
    PluginFault,
    StorageBusy,
    StorageError,
)
from aiops_processor.models.action import ActionOccasion, ActionRecord, ActionState
from aiops_processor.models.notification import Message
from aiops_processor.plugins import Finds
from aiops_processor.report.numbers import moment
from aiops_processor.services.acting.actions import US, Actions, Configured, step
from aiops_processor.services.telling.notifier import wait_seconds
from aiops_processor.storage import actions as rows
from aiops_processor.storage.database import Database
from aiops_processor.telemetry import Metrics

log = structlog.get_logger(__name__)

TICK_SECONDS = 1.0
AT_ONCE = 8
GRACE_SECONDS = 3.0
SPARE = timedelta(seconds=30)
LOOK_AFTER = timedelta(seconds=10)  # sooner hardly anything is found that was made a moment ago
MOST_ATTEMPTS = 20  # an hour and a quarter
NOT_KNOWN = "perhaps done: no answer came, and it cannot be asked whether it was; look, then do it by hand or not"

Ended = tuple[ActionState, str, dict[str, Any]]
"""The state after a try, the words for it ("" where nobody needs to read any), and further values of the row."""


class Acting:
    """Runs until cancelled. An action that fails or hangs delays no other."""

    def __init__(self, database: Database, actions: Actions, clock: Clock, metrics: Metrics) -> None:
        self._database = database
        self._actions = actions
        self._clock = clock
        self._metrics = metrics
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled, and with it what it does."""
        if self._database.sqlite:  # the folder is ours alone: whoever worked on something is dead
            await self._alone(self._release)
        try:
            while True:
                await self._alone(self.tick)
                await self._clock.sleep(TICK_SECONDS)
        finally:
            await self._stop()

    async def tick(self) -> None:
        """Look for actions, and begin what is due."""
        async with self._database.read() as connection:
            if not await rows.waits(connection, self._clock.now()):
                return
        while await self._actions.propose():
            pass
        room = AT_ONCE - len(self._running)
        if room <= 0:
            return
        now = self._clock.now()  # a storm's plans take their time, and a lease that is over at once is none
        longest = max((each.seconds for each in self._actions.acts.configured.values()), default=0)
        lease = now + timedelta(seconds=longest) + SPARE
        async with self._database.write() as connection:
            claimed = await rows.claim(connection, now, lease, room)
        for record in claimed:
            task = asyncio.create_task(self._alone(self.perform, record))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def finished(self) -> None:
        """Wait for what runs."""
        await asyncio.gather(*self._running)

    async def _stop(self) -> None:
        """What runs may end, for a while: what is cut off in the middle nobody knows the end of."""
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE_SECONDS)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def perform(self, record: ActionRecord) -> None:
        """One try of a claimed action, and what came of it. Raises StorageError: then its lease runs out."""
        configured = self._actions.acts.configured.get(record.name)
        if configured is None:
            await self._end(record, (_given_up(record), "is not configured any more", {}))
            return
        if record.attempts > MOST_ATTEMPTS:  # it ends its process each time
            await self._end(record, (_given_up(record), f"begun {MOST_ATTEMPTS} times, and never ended", {}))
            return
        message = await self._actions.message(record.incident_id, record.occasion)
        if message is not None:  # else forgotten meanwhile, and its rows with it
            ended = await self._tried(record, configured, message)
            if ended is not None:
                await self._end(record, ended)

    async def _tried(self, record: ActionRecord, configured: Configured, message: Message) -> Ended | None:
        try:
            async with asyncio.timeout(configured.seconds):
                return await self._done(record, configured, message)
        except DeliveryRefused as error:
            return _given_up(record), str(error), {}
        except (DeliveryUncertain, TimeoutError) as error:
            return self._lost(record, configured, _reason(error, configured))
        except DeliveryUnavailable as error:
            return self._later(record, str(error), error.retry_after)
        except PluginFault as fault:  # it could not say whether what was approved is what it would do now
            return self._later(record, str(fault))
        except StorageError:  # our own: the lease runs out, and it is looked what was done
            raise
        except Exception as error:  # a plugin's fault: nobody knows how far it came, and the action's state says so
            log.exception("an action failed", action=record.name)
            return self._lost(record, configured, f"a fault: {type(error).__name__}")

    async def _done(self, record: ActionRecord, configured: Configured, message: Message) -> Ended | None:
        """None where another process has it by now: this one was held up for longer than its lease."""
        given = await self._with_done(record, message)  # now: between the intent and the act nothing of ours may fail
        if record.state is ActionState.RUNNING:
            if not isinstance(configured.action, Finds):
                return ActionState.UNKNOWN, NOT_KNOWN, {}
            found = await configured.action.find(given, record.key)
            if found is not None:
                return ActionState.DONE, found, {"line": found}
            if looking := self._not_found_yet(record, configured):
                return looking
        if otherwise := await self._otherwise(record, configured, message):
            return otherwise
        if not await self._begin(record):
            return None
        line = await configured.action.act(given, record.key)
        return ActionState.DONE, line or "there was nothing to do", {"line": line or ""}

    def _not_found_yet(self, record: ActionRecord, configured: Configured) -> Ended | None:
        """What was begun may be done and not be found yet: look again, with growing pauses, before it is done again."""
        now = self._clock.now()
        began = record.began_at or now
        sure = began + timedelta(seconds=getattr(configured.action, "found_within_seconds", 0))
        if now >= sure:
            return None
        look = min(sure, now + max(LOOK_AFTER, now - began))
        error = f"perhaps done, and not found yet; it is looked for until {moment(sure)}, and then done again"
        return ActionState.RUNNING, "", {"error": error, "next_try_at": look}

    async def _otherwise(self, record: ActionRecord, configured: Configured, message: Message) -> Ended | None:
        """What it ends with when it is not to be done as it was proposed or approved."""
        if configured.dry_run:
            return ActionState.DRY_RUN, f"dry run: would {record.plan}", {}
        missed = message.incident.resolved_at is not None and record.occasion is not ActionOccasion.RESOLVED
        if configured.approval and not record.decided_by:
            if missed:
                return ActionState.EXPIRED, "needs approval by now, and the incident is over", {}
            return ActionState.WAITING, "waits for approval now", {"next_try_at": None}
        if record.decided_by and _fires_again(record, message):
            return ActionState.EXPIRED, "was approved for the end of the incident, which fires again", {}
        if record.decided_by and (plan := await configured.plan(message)) != record.plan:
            return _changed(plan, self._clock.now(), missed=missed)
        return None

    async def _with_done(self, record: ActionRecord, message: Message) -> Message:
        async with self._database.read() as connection:
            before = await rows.of_incident(connection, record.incident_id)
        lines = (each.line for each in before if each.name == record.name and each.id < record.id)
        return message.model_copy(update={"done": tuple(filter(None, lines))})

    async def _begin(self, record: ActionRecord) -> bool:
        """The intent: from here on nobody knows whether it was done, until the row says what came of it."""
        as_read = {"state": record.state, "attempts": record.attempts}
        async with self._database.write() as connection:
            return await rows.change(
                connection, record.id, as_read, state=ActionState.RUNNING, began_at=self._clock.now()
            )

    def _lost(self, record: ActionRecord, configured: Configured, reason: str) -> Ended:
        if not isinstance(configured.action, Finds):
            return ActionState.UNKNOWN, f"{NOT_KNOWN} ({reason})", {}
        if record.attempts >= MOST_ATTEMPTS:
            return ActionState.UNKNOWN, f"given up after {MOST_ATTEMPTS} tries: {reason}", {}
        log.warning("an action gave no answer, will look", action=record.name, error=reason)
        return ActionState.RUNNING, "", {"error": reason, "next_try_at": self._clock.now() + LOOK_AFTER}

    def _later(self, record: ActionRecord, error: str, asked: float | None = None) -> Ended:
        """Nothing was done in this try; what an earlier one did is still to be looked for."""
        if record.attempts >= MOST_ATTEMPTS:
            return _given_up(record), f"given up after {MOST_ATTEMPTS} tries: {error}", {}
        wait = timedelta(seconds=wait_seconds(record.attempts, asked))
        log.warning("an action failed, will try again", action=record.name, error=error, attempt=record.attempts)
        return record.state, "", {"error": error, "next_try_at": self._clock.now() + wait}

    async def _end(self, record: ActionRecord, ended: Ended) -> None:
        """Write down what came of it, however long our own store is away: what was done must not look undone."""
        while True:
            try:
                return await self._written(record, ended)
            except StorageBusy as error:
                log.warning("what came of an action is not written yet", action=record.name, error=str(error))
            await self._clock.sleep(TICK_SECONDS)

    async def _written(self, record: ActionRecord, ended: Ended) -> None:
        """The receipt: the row, the timeline and the audit log in one transaction."""
        state, text, values = ended
        over = state not in {ActionState.WAITING, *rows.OPEN}
        failed = state in {ActionState.FAILED, ActionState.UNKNOWN}
        told = {"error": text if failed else "", "ended_at": self._clock.now() if over else None}
        async with self._database.write() as connection:
            # Whoever has it by now knows better, but for what was done.
            as_read = None if state is ActionState.DONE else {"attempts": record.attempts}
            if not await rows.change(connection, record.id, as_read, state=state, **{**told, **values}):
                return
            if text:
                await step(connection, self._clock, record, f"{_word(state)}{text}", US)
        self._metrics.actions.labels(record.name, str(state) if over else "retry").inc()

    async def _release(self) -> None:
        now = self._clock.now()
        async with self._database.write() as connection:
            await rows.release(connection, now, now + LOOK_AFTER)

    async def _alone(self, part: Any, *arguments: ActionRecord) -> None:
        """One part of a round: what fails here must end neither the loop nor the others."""
        try:
            await part(*arguments)
        except StorageError as error:
            log.warning("the store did not answer", error=str(error))
        except Exception:  # logged with it; else this would end the loop, and nothing would be done any more
            log.exception("a part of the round of actions failed", part=part.__name__)


def _given_up(record: ActionRecord) -> ActionState:
    """Of what had begun in an earlier try nobody knows."""
    return ActionState.UNKNOWN if record.state is ActionState.RUNNING else ActionState.FAILED


def _fires_again(record: ActionRecord, message: Message) -> bool:
    return record.occasion is ActionOccasion.RESOLVED and message.incident.resolved_at is None


def _changed(plan: str | None, now: datetime, *, missed: bool) -> Ended:
    """What was approved is not what would be done now: new alerts came, or another analysis.

    `missed`: the incident is over, and nobody looks there for something that waits.
    """
    if plan is None:
        return ActionState.EXPIRED, "there is nothing to do any more", {}
    if missed:
        return ActionState.EXPIRED, f"the incident is over, and it would not do what was approved but: {plan}", {}
    text = f"is not what was approved any more, and waits again: {plan}"
    return ActionState.WAITING, text, {"plan": plan, "created_at": now, "decided_by": "", "next_try_at": None}


def _reason(error: Exception, configured: Configured) -> str:
    return str(error) if isinstance(error, DeliveryUncertain) else f"no answer within {configured.seconds:g} s"


def _word(state: ActionState) -> str:
    return {ActionState.FAILED: "failed: ", ActionState.UNKNOWN: "not known: "}.get(state, "")
