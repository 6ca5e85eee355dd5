"""A button that somebody pressed in a chat."""

from typing import Literal

from aiops_processor.models.base import Frozen

Verb = Literal["acknowledge", "right", "wrong", "ask", "approve", "decline"]


class Button(Frozen):
    """What a button does: to which incident, by its mark. `action` is the name of an action, `seen` what it would do.

    `seen` is a digest of the plan that stood beside the button: what is approved is what was read.
    """

    verb: Verb
    mark: str
    action: str = ""
    seen: str = ""


class Press(Frozen):
    """Who pressed which button. `member` is an id that nobody chooses, `name` what people call them.

    `answer_to` is where words for them alone may be posted, "" where nowhere.
    """

    button: Button
    member: str
    name: str = ""
    answer_to: str = ""
