"""Buttons under an incident in Slack, and what a pressed one says.

Source: https://docs.slack.dev/reference/block-kit/blocks/actions-block (25 elements, action_id 255 characters, a
button's text 75, its value 2,000) and https://docs.slack.dev/reference/block-kit/composition-objects/
confirmation-dialog-object (text 300).
"""

from collections.abc import Iterator
from typing import Any, get_args

from aiops_processor.models.action import ActionRecord, mark
from aiops_processor.models.notification import Message
from aiops_processor.models.press import Button, Verb
from aiops_processor.notifiers.slack_blocks import plain

PREFIX = "aiops"
MOST_LABEL = 70
MOST_CONFIRM = 290
MOST_PLAN = 2800
MOST_ASKABLE = 5
MOST_WAITING = 5

_VERBS = frozenset(get_args(Verb))

Block = dict[str, Any]


def blocks(message: Message) -> list[Block]:
    """For the end of a message's blocks: what may be pressed as things stand; nothing once the incident is over."""
    if message.incident.resolved_at is not None or message.incident.id < 0:
        return []
    about = mark(message.incident)
    waiting = [block for record in message.waiting[:MOST_WAITING] for block in _approval(record, about)]
    buttons = list(_buttons(message, about))
    return [*waiting, *([_actions(f"{PREFIX}:{about}", buttons)] if buttons else [])]


def read(action_id: str, value: str) -> Button | None:
    """The button that was pressed, None where it is none of ours. Raises nothing: anybody can post anything."""
    prefix, _, rest = action_id.partition(":")
    verb, _, action = rest.partition(":")
    about, _, seen = value.partition(" ")
    if prefix != PREFIX or verb not in _VERBS or not about:
        return None
    return Button.model_validate({"verb": verb, "action": action, "mark": about, "seen": seen})


def _buttons(message: Message, about: str) -> Iterator[Block]:
    if message.incident.acknowledged_at is None:
        yield _button("acknowledge", "Acknowledge", about)
    for name, label in message.askable[:MOST_ASKABLE]:
        yield {**_button(f"ask:{name}", label, about), "confirm": _confirm(label, "For the alerts that fire now.")}
    if message.analysis is not None:
        yield _button("right", "Right", about)
        yield _button("wrong", "Wrong", about)


def _approval(record: ActionRecord, about: str) -> list[Block]:
    """What would be done, and the two buttons below it. The plan is shown as it is, like all that others wrote."""
    plan = plain(record.plan, MOST_PLAN)
    said = f"*{plain(record.name)}* waits for approval: {plan}"
    value = f"{about} {record.digest}"
    approve = {
        **_button(f"approve:{record.name}", "Approve", value),
        "style": "primary",
        "confirm": _confirm("Approve", record.plan),
    }
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": said, "verbatim": True}},
        _actions(f"{PREFIX}:{about}:{record.name}", [approve, _button(f"decline:{record.name}", "Decline", value)]),
    ]


def _actions(block_id: str, elements: list[Block]) -> Block:
    return {"type": "actions", "block_id": block_id, "elements": elements}


def _button(action_id: str, label: str, value: str) -> Block:
    text = {"type": "plain_text", "text": plain(label, MOST_LABEL)}
    return {"type": "button", "action_id": f"{PREFIX}:{action_id}", "text": text, "value": value}


def _confirm(label: str, text: str) -> Block:
    return {
        "title": {"type": "plain_text", "text": plain(f"{label}?", MOST_LABEL)},
        "text": {"type": "plain_text", "text": plain(text, MOST_CONFIRM)},
        "confirm": {"type": "plain_text", "text": "Yes"},
        "deny": {"type": "plain_text", "text": "No"},
    }
