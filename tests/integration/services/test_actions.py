"""What is done about incidents: on which occasion, by whose leave, and never twice, whatever breaks in between."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from aiops_processor.clock import SteppedClock
from aiops_processor.errors import DeliveryRefused, DeliveryUnavailable, DeliveryUncertain
from aiops_processor.models.action import ActionOccasion, ActionRecord, ActionState
from aiops_processor.models.notification import Message, Occasion
from aiops_processor.services.acting.actions import Acts, Refused
from aiops_processor.services.acting.doing import LOOK_AFTER, MOST_ATTEMPTS, Acting
from aiops_processor.storage import actions as rows
from aiops_processor.storage.tables import action_occasions
from aiops_processor.telemetry import Metrics

pytestmark = pytest.mark.anyio

ANALYSED = frozenset({ActionOccasion.ANALYSED})
RESOLVED = frozenset({ActionOccasion.RESOLVED})


class Blind:
    """An action that cannot be asked whether it was done. `error` is raised after it was done or instead of it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.given: list[tuple[str, ...]] = []
        self.refuses: Exception | None = None
        self.loses: Exception | None = None
        self.hangs = False
        self.began = asyncio.Event()
        self.would: str | None = "turn it off and on again"

    def plan(self, message: Message) -> str | None:
        return self.would

    async def act(self, message: Message, key: str) -> str | None:
        if self.refuses:
            raise self.refuses
        self.done.append(key)
        self.given.append(message.done)
        self.began.set()
        if self.hangs:
            await asyncio.Event().wait()
        if self.loses:
            raise self.loses
        return f"done with {message.incident.title}"

    async def aclose(self) -> None: ...


class Seeing(Blind):
    """One that can be asked."""

    async def find(self, message: Message, key: str) -> str | None:
        return "found" if key in self.done else None


async def test_an_analysed_incident_gets_its_action_once_with_a_line_and_an_audit_entry(
    analysed: Any, desk_of: Any, configured: Any
) -> None:
    action = Blind()
    desk = desk_of(analysed, configured(action))
    (record,) = await desk.round()
    assert (record.state, record.line, record.attempts) == (ActionState.DONE, "done with A and 1 more", 1)
    assert await desk.history() == [
        "restart: about to turn it off and on again",
        "restart: done with A and 1 more",
    ]
    assert [each[::2] for each in await desk.audited()] == [("aiops", "/incidents/1/actions/restart")] * 2
    async with analysed.database.write() as connection:
        await rows.note(connection, 1, ActionOccasion.ANALYSED, 2)
    assert await desk.states(60) == ["done"], "analysed once more is no new occasion"
    assert action.done == [record.key]


async def test_a_dry_run_says_what_it_would_do_and_does_nothing(analysed: Any, desk_of: Any, configured: Any) -> None:
    action = Blind()
    desk = desk_of(analysed, configured(action, dry_run=True, approval=True, approvers=("ada",)))
    assert await desk.states() == ["dry run"]
    assert await desk.history() == ["restart: dry run: would turn it off and on again"]
    assert action.done == []


async def test_what_needs_approval_waits_for_one_of_its_approvers(analysed: Any, desk_of: Any, configured: Any) -> None:
    action = Blind()
    desk = desk_of(analysed, configured(action, approval=True, approvers=("ada", "slack:U1")))
    assert await desk.states() == ["waiting"]
    assert await desk.states(3600) == ["waiting"]
    refused = await desk.actions.approve(1, "restart", "mallory")
    assert refused == Refused(why="not allowed", reason="mallory may not: ada, slack:U1 may")
    assert isinstance(await desk.actions.approve(1, "restart", ""), Refused)
    assert action.done == []
    approved = await desk.actions.approve(1, "restart", "ada")
    assert isinstance(approved, ActionRecord)
    assert await desk.states() == ["done"]
    late = await desk.actions.approve(1, "restart", "slack:U1")
    assert isinstance(late, Refused)
    assert late.why == "too late"
    assert len(action.done) == 1
    assert "restart: approved by ada" in await desk.history()
    assert ("ada", "action: approved by ada", "/incidents/1/actions/restart") in await desk.audited()


@pytest.mark.parametrize("approves", [True, False])
async def test_a_channel_where_it_can_be_approved_is_told_that_it_waits(
    analysed: Any, approves: bool, desk_of: Any, configured: Any
) -> None:
    analysed.channel.approves = approves
    desk = desk_of(analysed, configured(Blind(), approval=True, approvers=("ada",)))
    await desk.round()
    await analysed.pass_time(2)
    told = [message for message, _ in analysed.channel.messages if message.occasion is Occasion.APPROVAL]
    assert [[record.name for record in message.waiting] for message in told] == ([["restart"]] if approves else [])


async def test_a_channel_that_is_being_told_of_the_incident_is_told_that_it_waits_too(
    house: Any, post: Any, desk_of: Any, configured: Any
) -> None:
    house.channel.approves = True
    house.channel.error = DeliveryUnavailable("it sleeps", retry_after=300)
    await post("A", "B")
    await house.pass_time(15)
    await desk_of(house, configured(Blind(), approval=True, approvers=("ada",))).round()
    house.channel.error = None
    await house.pass_time(400)
    assert house.channel.occasions[-1] == "approval"


async def test_what_was_declined_is_not_done(analysed: Any, desk_of: Any, configured: Any) -> None:
    action = Blind()
    desk = desk_of(analysed, configured(action, approval=True, approvers=("ada",)))
    await desk.round()
    assert isinstance(await desk.actions.decline(1, "restart", "ada"), ActionRecord)
    assert await desk.states(60) == ["declined"]
    assert action.done == []


async def test_what_nobody_approved_while_it_fired_is_not_done_when_it_is_over(
    analysed: Any, post: Any, desk_of: Any, configured: Any
) -> None:
    desk = desk_of(analysed, configured(Blind(), approval=True, approvers=("ada",)))
    await desk.round()
    await post("A", "B", status="resolved")
    await analysed.pass_time(2)
    assert await desk.states() == ["expired"]
    assert isinstance(await desk.actions.approve(1, "restart", "ada"), Refused)


async def test_an_action_on_resolve_comes_after_the_same_on_analysis(
    analysed: Any, post: Any, desk_of: Any, configured: Any
) -> None:
    action = Blind()
    desk = desk_of(analysed, configured(action, on=ANALYSED | RESOLVED))
    await post("A", "B", status="resolved")
    await analysed.pass_time(2)
    assert await desk.states() == ["done", "due"]
    assert await desk.states() == ["done", "done"]
    assert [key.split("-")[3] for key in action.done] == ["analysed", "resolved"]


async def test_what_fires_again_is_proposed_again_though_nobody_approved_it_the_first_time(
    analysed: Any, post: Any, desk_of: Any, configured: Any
) -> None:
    action = Blind()
    desk = desk_of(analysed, configured(action, approval=True, approvers=("ada",)))
    assert await desk.states() == ["waiting"]
    await post("A", "B", status="resolved")
    await analysed.pass_time(5)
    assert await desk.states() == ["expired"]
    await post("A", "B", starts=analysed.clock.now().isoformat())
    await analysed.pass_time(90)
    assert await desk.states() == ["expired", "waiting"]
    await desk.actions.approve(1, "restart", "ada")
    assert await desk.states() == ["expired", "done"]
    async with analysed.database.write() as connection:
        await rows.note(connection, 1, ActionOccasion.ANALYSED, 7)
    assert await desk.states(60) == ["expired", "done"], "analysed once more while it fires is no new occasion"


async def test_what_was_approved_for_the_end_is_not_done_while_it_fires_again(
    analysed: Any, post: Any, desk_of: Any, configured: Any
) -> None:
    action = Blind()
    desk = desk_of(analysed, configured(action, on=RESOLVED, approval=True, approvers=("ada",)))
    await post("A", "B", status="resolved")
    await analysed.pass_time(5)
    assert await desk.states() == ["waiting"]
    await desk.actions.approve(1, "restart", "ada")
    await post("A", "B", starts=analysed.clock.now().isoformat())
    await analysed.pass_time(2)
    assert await desk.states() == ["expired"]
    assert action.done == []
    assert (await desk.history())[-1] == "restart: was approved for the end of the incident, which fires again"


async def test_what_waits_for_its_end_to_be_approved_expires_when_it_fires_again(
    analysed: Any, post: Any, desk_of: Any, configured: Any
) -> None:
    desk = desk_of(analysed, configured(Blind(), on=RESOLVED, approval=True, approvers=("ada",)))
    await post("A", "B", status="resolved")
    await analysed.pass_time(5)
    assert await desk.states() == ["waiting"]
    await post("A", "B", starts=analysed.clock.now().isoformat())
    await analysed.pass_time(90)
    assert await desk.states() == ["expired"]
    assert (await desk.history())[-1] == "restart: not approved before it fired again"


async def test_an_analysis_after_the_end_takes_nothing_from_what_waits_there_and_asks_nobody(
    analysed: Any, post: Any, desk_of: Any, configured: Any
) -> None:
    waits = {"approval": True, "approvers": ("ada",)}
    both = (configured(Blind(), on=RESOLVED, name="end", **waits), configured(Blind(), name="restart", **waits))
    await post("A", "B", status="resolved")
    await analysed.pass_time(5)
    async with analysed.database.write() as connection:  # the incident ended before its analysis was there
        await connection.execute(sa.delete(action_occasions))
        for occasion in (ActionOccasion.RESOLVED, ActionOccasion.ANALYSED):
            await rows.note(connection, 1, occasion, 0)
    desk = desk_of(analysed, *both)
    assert [(each.name, str(each.state)) for each in await desk.round()] == [("end", "waiting"), ("restart", "expired")]
    assert (await desk.history())[-1] == "restart: not asked for, for the incident is over: turn it off and on again"


async def test_an_action_is_given_what_it_did_about_the_incident_before(
    analysed: Any, post: Any, desk_of: Any, configured: Any
) -> None:
    action, other = Blind(), Blind()
    both = (configured(action, on=ANALYSED | RESOLVED), configured(other, name="other"))
    desk = desk_of(analysed, *both)
    await desk.round()
    await post("A", "B", status="resolved")
    await analysed.pass_time(2)
    await desk.round()
    assert action.given == [(), ("done with A and 1 more",)]


async def test_each_end_of_an_incident_is_an_occasion_of_its_own(
    analysed: Any, post: Any, desk_of: Any, configured: Any
) -> None:
    desk = desk_of(analysed, configured(Blind(), on=RESOLVED))
    starts = "2026-01-31T11:59:00Z"
    for _ in range(2):
        await post("A", "B", status="resolved", starts=starts)
        await analysed.pass_time(5)
        starts = analysed.clock.now().isoformat()
        await post("A", "B", starts=starts)
        await analysed.pass_time(5)
    assert await desk.states() == ["done", "due"]


async def test_asking_is_for_approvers_and_asked_twice_is_asked_once(
    analysed: Any, desk_of: Any, configured: Any
) -> None:
    action = Blind()
    desk = desk_of(analysed, configured(action, on=frozenset(), approval=True, approvers=("ada",)))
    assert await desk.round() == []
    assert desk.actions.for_asking() == (("restart", "restart"),)
    assert isinstance(await desk.actions.ask(1, "restart", "bob"), Refused)
    assert isinstance(await desk.actions.ask(1, "nothing", "ada"), Refused)
    assert isinstance(await desk.actions.ask(9, "restart", "ada"), Refused)
    first = await desk.actions.ask(1, "restart", "ada")
    assert await desk.actions.ask(1, "restart", "ada") == first
    assert await desk.states() == ["done"]
    await desk.actions.ask(1, "restart", "ada")
    assert await desk.states() == ["done", "done"], "once it is done it may be asked for again"
    assert len(set(action.done)) == 2


async def test_what_was_not_taken_is_tried_again_later_and_given_up_visibly(
    analysed: Any, desk_of: Any, configured: Any
) -> None:
    action = Blind()
    action.refuses = DeliveryUnavailable("it sleeps", retry_after=30)
    desk = desk_of(analysed, configured(action))
    (record,) = await desk.round()
    assert (record.state, record.error) == (ActionState.DUE, "it sleeps")
    assert record.next_try_at == analysed.clock.now() + timedelta(seconds=30)
    action.refuses = DeliveryUnavailable("it sleeps")
    for _ in range(MOST_ATTEMPTS):
        await desk.round(400)
    (record,) = await desk.round(400)
    assert (record.state, record.attempts) == (ActionState.FAILED, MOST_ATTEMPTS)
    assert record.error == f"given up after {MOST_ATTEMPTS} tries: it sleeps"


async def test_what_was_refused_is_not_tried_again_and_keeps_no_other(
    analysed: Any, desk_of: Any, configured: Any
) -> None:
    bad, good = Blind(), Blind()
    bad.refuses = DeliveryRefused("jira (j.example) answered 403")
    desk = desk_of(analysed, configured(bad, name="bad"), configured(good, name="good"))
    await desk.round()
    assert await desk.states(600) == ["failed", "done"]
    assert "bad: failed: jira (j.example) answered 403" in await desk.history()


@pytest.mark.parametrize("lost", [DeliveryUncertain("it broke off"), RuntimeError("a fault with a s3cret")])
async def test_a_lost_answer_of_what_cannot_be_asked_is_unknown_and_not_done_again(
    analysed: Any, lost: Any, desk_of: Any, configured: Any
) -> None:
    action = Blind()
    action.loses = lost
    desk = desk_of(analysed, configured(action))
    (record,) = await desk.round()
    assert record.state is ActionState.UNKNOWN
    assert "s3cret" not in record.error
    assert await desk.states(3600) == ["unknown"]
    assert len(action.done) == 1


@pytest.fixture
async def lost(analysed: Any, desk_of: Any, configured: Any) -> tuple[Any, Seeing]:
    """A desk with an action that was done, whose answer never came, and that can be asked for."""
    action = Seeing()
    action.loses = DeliveryUncertain("it broke off")
    desk = desk_of(analysed, configured(action))
    assert await desk.states() == ["running"]
    return desk, action


async def test_a_lost_answer_of_what_can_be_asked_is_looked_for_and_found(lost: tuple[Any, Seeing]) -> None:
    desk, action = lost
    assert await desk.states(1) == ["running"], "a tracker's search needs a moment"
    (record,) = await desk.round(LOOK_AFTER.total_seconds())
    assert (record.state, record.line) == (ActionState.DONE, "found")
    assert len(action.done) == 1


async def test_what_hangs_is_cut_off_and_delays_no_other(analysed: Any, desk_of: Any, configured: Any) -> None:
    slow, good = Blind(), Blind()
    slow.hangs = True
    desk = desk_of(analysed, configured(slow, name="slow", seconds=0.05), configured(good, name="good"))
    assert await desk.states() == ["unknown", "done"]


@pytest.mark.parametrize(
    ("seeing", "done_before", "state"), [(True, True, "done"), (True, False, "done"), (False, True, "unknown")]
)
async def test_after_a_kill_in_between_it_is_looked_before_anything_is_done_again(
    analysed: Any, seeing: bool, done_before: bool, state: str, desk_of: Any, configured: Any
) -> None:
    action = Seeing() if seeing else Blind()
    action.hangs = True
    desk = desk_of(analysed, configured(action))
    await desk.acting.tick()
    await action.began.wait()
    action.hangs = False
    if not done_before:
        action.done.clear()
    (record,) = await desk.records()
    assert record.state is ActionState.RUNNING, "the intent is written before it is done"
    reborn = desk_of(analysed, configured(action))  # the first desk's task is dead to it
    async with analysed.database.write() as connection:
        await rows.release(connection, analysed.clock.now(), analysed.clock.now() + LOOK_AFTER)
    assert await reborn.states() == ["running"]
    analysed.clock.advance(LOOK_AFTER.total_seconds())
    assert await reborn.states() == [state]
    assert len(action.done) == 1
    for task in desk.acting._running:
        task.cancel()


async def test_what_the_settings_say_by_now_counts(analysed: Any, desk_of: Any, configured: Any) -> None:
    action = Blind()
    desk = desk_of(analysed, configured(action, name="a"), configured(action, name="b"), configured(action, name="c"))
    await desk.actions.propose()
    careful = {
        "a": configured(action, name="a", dry_run=True),
        "b": configured(action, name="b", approval=True, approvers=("ada",)),
        "c": configured(action, name="c"),
    }
    desk.actions.use(Acts(careful))
    assert await desk.states() == ["dry run", "waiting", "done"]
    assert len(action.done) == 1


async def test_what_ends_its_process_each_time_is_given_up(analysed: Any, desk_of: Any, configured: Any) -> None:
    action = Seeing()
    desk = desk_of(analysed, configured(action))
    await desk.actions.propose()
    async with analysed.database.write() as connection:
        await rows.change(connection, 1, state=ActionState.RUNNING, attempts=MOST_ATTEMPTS)
    assert await desk.states() == ["unknown"]
    assert action.done == []


async def test_a_stop_lets_what_runs_end(analysed: Any, desk_of: Any, configured: Any) -> None:
    action = Blind()
    desk = desk_of(analysed, configured(action))
    # A clock that moves while the loop sleeps would take the lease away from what runs.
    acting = Acting(analysed.database, desk.actions, SteppedClock(analysed.clock.now()), Metrics())
    loop = asyncio.create_task(acting.run())
    await action.began.wait()
    loop.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await loop
    assert [each.state for each in await desk.records()] == [ActionState.DONE]


async def test_two_processes_do_each_action_once(analysed: Any, desk_of: Any, configured: Any) -> None:
    action = Blind()
    desks = [desk_of(analysed, configured(action)) for _ in range(3)]
    await asyncio.gather(*(desk.acting.tick() for desk in desks))
    await asyncio.gather(*(desk.acting.finished() for desk in desks))
    assert len(action.done) == 1
    assert await desks[0].states() == ["done"]


@pytest.mark.parametrize("before", [ActionState.DUE, ActionState.RUNNING])
async def test_who_was_held_up_for_longer_than_its_lease_does_not_do_it_once_more(
    analysed: Any, before: ActionState, desk_of: Any, configured: Any
) -> None:
    action = Blind() if before is ActionState.DUE else Seeing()
    slow, other = desk_of(analysed, configured(action)), desk_of(analysed, configured(action))
    await slow.actions.propose()
    now = analysed.clock.now()
    async with analysed.database.write() as connection:
        await rows.change(connection, 1, state=before)
        (held_up,) = await rows.claim(connection, now, now + timedelta(seconds=35), 1)
    assert await other.states(36) == ["done"]
    key, action.done = action.done[0], []  # so that even one that looks does not find it
    await slow.acting.perform(held_up)
    assert action.done == []
    assert (await slow.records())[0].key == key
    assert await slow.states() == ["done"]


async def test_the_settings_count_too_for_what_was_looked_for_and_not_found(
    lost: tuple[Any, Seeing], configured: Any
) -> None:
    desk, action = lost
    action.done.clear()
    desk.actions.use(Acts({"restart": configured(action, dry_run=True)}))
    assert await desk.states(LOOK_AFTER.total_seconds()) == ["dry run"]
    assert action.done == []


async def test_what_is_approved_in_the_moment_of_its_end_does_not_expire(
    analysed: Any, desk_of: Any, configured: Any
) -> None:
    desk = desk_of(analysed, configured(Blind(), approval=True, approvers=("ada",)))
    await desk.round()
    await desk.actions.approve(1, "restart", "ada")
    async with analysed.database.write() as connection:  # as PostgreSQL lets it happen between two statements
        as_read = {"state": ActionState.WAITING}
        assert not await rows.change(connection, 1, as_read, state=ActionState.EXPIRED)
    assert await desk.states() == ["done"]


async def test_an_action_that_is_not_configured_any_more_ends_visibly(
    analysed: Any, desk_of: Any, configured: Any
) -> None:
    action = Blind()
    desk = desk_of(analysed, configured(action))
    await desk.actions.propose()
    desk.actions.use(replace(desk.actions.acts, configured={}))
    (record,) = await desk.round()
    assert (record.state, record.error) == (ActionState.FAILED, "is not configured any more")
    assert 'aiops_actions_total{action="restart",result="failed"} 1.0' in desk.metrics.exposition().decode()
