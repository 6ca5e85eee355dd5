"""Messages of more than one line: which lines go on with the one before, and what the whole of them says. Pure."""

import re

_GOES_ON = re.compile(
    r"[ \t]+\S|at [\w.$<>]+\(|Caused by: |\.\.\. \d+ (?:more|common frames)|Traceback \(most recent|\s*$"
)
_RAISED = re.compile(r"[\w.$]{1,200}(?:Error|Exception|Warning|Interrupt|Exit)(?::|$)")


def goes_on(line: str, within: bool) -> bool:
    """Whether a line without a header belongs to the one before; `within` when that one went on already."""
    return _GOES_ON.match(line) is not None or (within and _RAISED.match(line) is not None)


def essence(message: str) -> str:
    """The first line and the last one that is not indented: what happened, and what was raised in the end."""
    first, *others = [line for line in message.split("\n") if line.strip()] or [""]
    raised = [line for line in others if not line[0].isspace() and not line.startswith("at ")]
    return f"{first} {raised[-1]}" if raised else first
