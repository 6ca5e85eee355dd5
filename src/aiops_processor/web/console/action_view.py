"""What an incident's page shows of its actions: those that wait for somebody first. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiops_processor.models.action import ActionRecord, ActionState
from aiops_processor.models.incident import Incident
from aiops_processor.web.console.view import Tone, Word

_STATES: Mapping[ActionState, Tone] = {
    ActionState.WAITING: "warn",
    ActionState.DUE: "info",
    ActionState.RUNNING: "info",
    ActionState.DONE: "good",
    ActionState.DRY_RUN: "quiet",
    ActionState.FAILED: "bad",
    ActionState.UNKNOWN: "warn",
    ActionState.DECLINED: "quiet",
    ActionState.EXPIRED: "quiet",
}
_WORDS = {
    ActionState.WAITING: "waits for approval",
    ActionState.DUE: "about to begin",
    ActionState.UNKNOWN: "not known",
}


@dataclass(frozen=True, slots=True)
class ActionView:
    """One action. `may` is whether the reader is one of its approvers, who are named where somebody else reads."""

    record: ActionRecord
    state: Word
    said: str
    approvers: str
    may: bool


@dataclass(frozen=True, slots=True)
class ActionsView:
    """The actions of an incident: those that wait, the others, and those that the reader may ask for (name, label)."""

    waiting: tuple[ActionView, ...]
    others: tuple[ActionView, ...]
    askable: tuple[tuple[str, str], ...]


def actions(
    records: Sequence[ActionRecord],
    incident: Incident,
    for_asking: Sequence[tuple[str, str]],
    approvers: Callable[[str], Sequence[str]],
    reader: str,
) -> ActionsView:
    """`reader` is the name of whoever reads, "" where nobody knows it."""
    shown = [_view(record, approvers(record.name), reader) for record in records]
    under_way = {each.name for each in records if each.state in (ActionState.DUE, ActionState.RUNNING)}
    askable = (each for each in for_asking if reader in approvers(each[0]) and each[0] not in under_way)
    return ActionsView(
        waiting=tuple(each for each in shown if each.record.state is ActionState.WAITING),
        others=tuple(each for each in shown if each.record.state is not ActionState.WAITING),
        askable=() if incident.resolved_at else tuple(askable),
    )


def _view(record: ActionRecord, approvers: Sequence[str], reader: str) -> ActionView:
    again = record.state in (ActionState.DUE, ActionState.RUNNING) and record.error
    text = "tries again" if again else _WORDS.get(record.state, str(record.state))
    would = "would " if record.state is ActionState.DRY_RUN else ""
    return ActionView(
        record=record,
        state=Word(text, _STATES[record.state]),
        said=record.error or record.line or f"{would}{record.plan}",
        approvers=" or ".join(approvers),
        may=reader in approvers,
    )
