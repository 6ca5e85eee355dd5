"""What an action says that it would do: asked away from everything else, and what is approved is this."""

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from aiops_processor.errors import StorageBusy
from aiops_processor.masking import Mask
from aiops_processor.models.action import ActionState
from aiops_processor.models.notification import Message
from aiops_processor.plugins.guard import Fault
from aiops_processor.query import matchers
from aiops_processor.services.acting.actions import Acts, Refused
from aiops_processor.storage import actions as rows

pytestmark = pytest.mark.anyio


class Blind:
    """An action that keeps what it did; `would` is its plan."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.would: str | None = "turn it off and on again"

    def plan(self, message: Message) -> str | None:
        return self.would

    async def act(self, message: Message, key: str) -> str | None:
        self.done.append(key)
        return f"done with {message.incident.title}"

    async def aclose(self) -> None: ...


class Broken(Blind):
    """One with a fault."""

    def plan(self, message: Message) -> str | None:
        raise KeyError("service")


class Wordless(Blind):
    """One whose plan is no text."""

    def plan(self, message: Message) -> Any:
        return {"would": self.would}


class Quoting(Blind):
    """One that says what the alert says."""

    def plan(self, message: Message) -> str | None:
        return f"restart what {message.alerts[0].labels['alertname']} needs"


class Thoughtful(Blind):
    """One that thinks for minutes about what it would do."""

    def __init__(self, clock: Any) -> None:
        super().__init__()
        self.clock = clock

    def plan(self, message: Message) -> str | None:
        self.clock.advance(300)
        return super().plan(message)


class Hanging(Blind):
    """One whose plan waits for something, and keeps its thread meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.release = threading.Event(), threading.Event()

    def plan(self, message: Message) -> str | None:
        self.asked.set()
        assert self.release.wait(60), "nobody else did anything meanwhile"
        return super().plan(message)


async def test_only_incidents_with_a_fitting_alert_and_something_to_do_are_meant(
    analysed: Any, desk_of: Any, configured: Any
) -> None:
    other = configured(Blind(), matchers=matchers.parse('alertname="C"'))
    nothing = Blind()
    nothing.would = None
    also = (configured(nothing, name="nothing"), configured(Broken(), name="broken"), configured(Blind(), name="fits"))
    also = (*also, configured(Wordless(), name="wordless"))
    desk = desk_of(analysed, other, *also)
    assert [each.name for each in await desk.round()] == ["fits"], "and a plugin with a fault keeps none from it"
    cannot = "it could not say what it would do, and nothing is done"
    assert await desk.notes() == [
        f"action broken: raised KeyError: {cannot}",
        f"action wordless: answered with dict, not str or NoneType: {cannot}",
    ]


async def test_a_plan_that_blocks_stops_nothing_else(analysed: Any, desk_of: Any, configured: Any) -> None:
    action = Hanging()
    desk = desk_of(analysed, configured(action, plan_seconds=60.0))
    looking = asyncio.create_task(desk.acting.tick())
    assert await asyncio.to_thread(action.asked.wait, 60)
    action.release.set()
    await looking
    await desk.acting.finished()
    assert await desk.states() == ["done"]


async def test_a_plan_that_hangs_is_given_up_counted_and_shown(analysed: Any, desk_of: Any, configured: Any) -> None:
    hanging, faults = Hanging(), list[Fault]()
    slow = configured(hanging, name="slow", plan_seconds=0.05, fault=faults.append)
    desk = desk_of(analysed, slow, configured(Blind(), name="good"))
    assert [each.name for each in await desk.round()] == ["good"]
    assert faults == [("action", "slow", "slow")]
    (note,) = await desk.notes()
    assert note.startswith("action slow: no answer within 0.05 s")
    hanging.release.set()


async def test_what_was_approved_waits_until_its_plan_can_be_read_again(
    analysed: Any, desk_of: Any, configured: Any
) -> None:
    action, hanging = Blind(), Hanging()
    desk = desk_of(analysed, configured(action, approval=True, approvers=("ada",)))
    await desk.round()
    await desk.actions.approve(1, "restart", "ada")
    stuck = configured(hanging, approval=True, approvers=("ada",), plan_seconds=0.05)
    desk.actions.use(Acts({"restart": stuck}))
    (record,) = await desk.round()
    assert (record.state, record.error) == (ActionState.DUE, "action restart: no answer within 0.05 s")
    hanging.release.set()
    desk.actions.use(Acts({"restart": configured(action, approval=True, approvers=("ada",))}))
    assert await desk.states(60) == ["done"]


async def test_an_action_whose_plan_hangs_cannot_be_asked_for(analysed: Any, desk_of: Any, configured: Any) -> None:
    hanging = Hanging()
    desk = desk_of(analysed, configured(hanging, on=frozenset(), approvers=("ada",), plan_seconds=0.05))
    refused = await desk.actions.ask(1, "restart", "ada")
    assert refused == Refused(why="too late", reason="action restart: no answer within 0.05 s: ask again later")
    hanging.release.set()


async def test_what_is_not_what_was_approved_any_more_waits_again(analysed: Any, desk_of: Any, configured: Any) -> None:
    action = Blind()
    desk = desk_of(analysed, configured(action, approval=True, approvers=("ada",)))
    (before,) = await desk.round()
    await desk.actions.approve(1, "restart", "ada")
    analysed.clock.advance(1)
    action.would = "turn everything off"
    (record,) = await desk.round()
    assert (record.state, record.plan, record.decided_by) == (ActionState.WAITING, "turn everything off", "")
    assert action.done == []
    stale = await desk.actions.approve(1, "restart", "ada", seen=before.digest)
    assert isinstance(stale, Refused)
    assert "read it again" in stale.reason
    await desk.actions.approve(1, "restart", "ada", seen=record.digest)
    assert await desk.states() == ["done"]


@pytest.mark.parametrize("needs_approval_by_now", [False, True])
async def test_what_would_be_something_else_when_the_incident_is_over_ends_visibly(
    analysed: Any, post: Any, desk_of: Any, configured: Any, needs_approval_by_now: bool
) -> None:
    action = Blind()
    before = configured(action, approval=not needs_approval_by_now, approvers=("ada",))
    desk = desk_of(analysed, before)
    await desk.actions.propose()
    if needs_approval_by_now:
        desk.actions.use(Acts({"restart": replace(before, approval=True)}))
    else:
        await desk.actions.approve(1, "restart", "ada")
    await post("A", "B", status="resolved")
    await analysed.pass_time(2)
    action.would = "turn everything off"
    assert await desk.states() == ["expired"]
    assert await desk.states(3600) == ["expired"]
    assert action.done == []
    said = "needs approval by now, and" if needs_approval_by_now else "it would not do what was approved but: turn"
    assert said in (await desk.history())[-1]


async def test_no_store_that_goes_away_comes_between_the_intent_and_the_act(
    analysed: Any, desk_of: Any, configured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Any:
        raise StorageBusy("away")

    class Late(Blind):
        approved = False

        def plan(self, message: Message) -> str | None:
            if self.approved:  # as late as can be: right before it is begun
                monkeypatch.setattr(analysed.database, "read", away)
            return super().plan(message)

    action = Late()
    desk = desk_of(analysed, configured(action, approval=True, approvers=("ada",)))
    await desk.round()
    await desk.actions.approve(1, "restart", "ada")
    action.approved = True
    await desk.acting.tick()
    await desk.acting.finished()
    monkeypatch.undo()
    assert [str(each.state) for each in await desk.records()] == ["done"]


async def test_what_is_masked_is_what_was_approved_in_every_process(
    house: Any, post: Any, desk_of: Any, configured: Any
) -> None:
    await post("ada@example.com")
    await house.pass_time(15)
    action = Quoting()
    desks = [desk_of(house, configured(action, approval=True, approvers=("ada",))) for _ in range(2)]
    for desk in desks:
        desk.actions.use(replace(desk.actions.acts, mask=Mask()))
    (record,) = await desks[0].round()
    assert record.plan == "restart what ‹email› needs"
    await desks[0].actions.approve(1, "restart", "ada")
    assert await desks[1].states() == ["done"]


async def test_a_lease_begins_when_it_is_taken_however_long_the_plans_took(
    analysed: Any, desk_of: Any, configured: Any
) -> None:
    desk = desk_of(analysed, configured(Thoughtful(analysed.clock)))
    await desk.acting.tick()
    async with analysed.database.read() as connection:
        claimed_again = await rows.waits(connection, analysed.clock.now())
    await desk.acting.finished()
    assert not claimed_again
