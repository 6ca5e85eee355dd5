"""Buttons in Slack: what may be pressed as things stand, within Slack's limits, and what a pressed one says."""

from datetime import datetime
from typing import Any

import pytest

from aiops_processor.models.action import ActionOccasion, ActionRecord, ActionState, mark
from aiops_processor.models.notification import Message
from aiops_processor.notifiers import slack_buttons
from aiops_processor.notifiers.slack_blocks import body

HOSTILE = "<!channel> *now* <https://evil.example|click> & `x` " * 200


def waiting(plan: str = "restart checkout", name: str = "restart") -> ActionRecord:
    return ActionRecord(
        id=1,
        key="k",
        incident_id=1,
        name=name,
        occasion=ActionOccasion.ANALYSED,
        state=ActionState.WAITING,
        plan=plan,
        created_at=datetime.fromisoformat("2026-01-31T12:00:00Z"),
    )


def buttons(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for block in blocks if block["type"] == "actions" for each in block["elements"]]


def labels(message: Message) -> list[str]:
    return [each["text"]["text"] for each in buttons(slack_buttons.blocks(message))]


def test_what_can_be_pressed_depends_on_how_things_stand(message: Message) -> None:
    told = message.model_copy(update={"askable": (("silence", "Silence 1 h"),), "waiting": (waiting(),)})
    assert labels(told) == ["Approve", "Decline", "Acknowledge", "Silence 1 h", "Right", "Wrong"]
    assert labels(message.model_copy(update={"analysis": None})) == ["Acknowledge"]
    known = message.incident.model_copy(update={"acknowledged_at": message.sent_at})
    assert labels(message.model_copy(update={"incident": known})) == ["Right", "Wrong"]
    over = message.incident.model_copy(update={"resolved_at": message.sent_at})
    assert labels(told.model_copy(update={"incident": over})) == []
    assert labels(told.model_copy(update={"incident": message.incident.model_copy(update={"id": -3})})) == []


def test_what_is_pressed_is_read_back(message: Message) -> None:
    told = message.model_copy(update={"askable": (("silence", "Silence 1 h"),), "waiting": (waiting(),)})
    found = [slack_buttons.read(each["action_id"], each["value"]) for each in buttons(slack_buttons.blocks(told))]
    assert [(each.verb, each.action) for each in found if each] == [
        ("approve", "restart"),
        ("decline", "restart"),
        ("acknowledge", ""),
        ("ask", "silence"),
        ("right", ""),
        ("wrong", ""),
    ]
    assert {each.mark for each in found if each} == {mark(message.incident)}
    assert found[0] is not None
    assert found[0].seen == waiting().digest


@pytest.mark.parametrize(
    ("action_id", "value"),
    [("", ""), ("aiops", "1-2"), ("aiops:destroy", "1-2"), ("other:right", "1-2"), ("aiops:right", ""), ("::", ":")],
)
def test_what_is_none_of_ours_is_nothing(action_id: str, value: str) -> None:
    assert slack_buttons.read(action_id, value) is None


def test_everything_is_within_slacks_limits_and_nothing_in_it_acts(message: Message) -> None:
    long = "x" * 40
    told = message.model_copy(
        update={
            "askable": tuple((f"{long}{n}"[:40], HOSTILE) for n in range(30)),
            "waiting": tuple(waiting(HOSTILE, f"a{n}") for n in range(30)),
        }
    )
    blocks = slack_buttons.blocks(told)
    assert len(blocks) + len(body(told)["blocks"]) <= 50
    ids = [block["block_id"] for block in blocks if block["type"] == "actions"]
    assert len(set(ids)) == len(ids)
    for block in blocks:
        if block["type"] == "section":
            assert len(block["text"]["text"]) <= 3000
            assert "<!" not in block["text"]["text"]
            assert "<http" not in block["text"]["text"]
            continue
        assert len(block["block_id"]) <= 255
        assert len(block["elements"]) <= 25
        for each in block["elements"]:
            assert len(each["text"]["text"]) <= 75
            assert len(each["action_id"]) <= 255
            assert len(each["value"]) <= 2000
            confirm = each.get("confirm")
            assert confirm is None or len(confirm["text"]["text"]) <= 300
            assert confirm is None or len(confirm["title"]["text"]) <= 100
