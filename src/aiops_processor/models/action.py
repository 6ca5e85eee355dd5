"""What is done about an incident besides telling people, and what came of it."""

import hashlib
from datetime import datetime
from enum import StrEnum

from aiops_processor.models.base import Frozen
from aiops_processor.models.incident import Incident


class ActionState(StrEnum):
    """waiting (for an approval) → due → running → done; or an end that people see.

    `unknown`: begun, and nobody can tell whether it was done. `expired`: its occasion
    was gone before it was approved or done.
    """

    WAITING = "waiting"
    DUE = "due"
    RUNNING = "running"
    DONE = "done"
    DRY_RUN = "dry run"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DECLINED = "declined"
    EXPIRED = "expired"


class ActionOccasion(StrEnum):
    """Why an action is looked at: the incident was analysed, is over, or somebody asked for it."""

    ANALYSED = "analysed"
    RESOLVED = "resolved"
    ASKED = "asked"


class ActionRecord(Frozen):
    """One action for one incident on one occasion. `key` is the same on every try.

    `plan` is what would be done, in words: what somebody approves; `created_at` is when it was proposed. `line` is what
    was done.
    """

    id: int
    key: str
    incident_id: int
    name: str
    occasion: ActionOccasion
    state: ActionState
    plan: str
    line: str = ""
    error: str = ""
    attempts: int = 0
    created_at: datetime
    next_try_at: datetime | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None
    decided_by: str = ""

    @property
    def digest(self) -> str:
        """By it an approval says which plan was read. Not of its words, which channels mask and cut."""
        return hashlib.sha256(f"{self.key} {self.created_at.isoformat()}".encode()).hexdigest()[:16]


def mark(incident: Incident) -> str:
    """A name for an incident that no other has, in another database neither: by it a ticket is found again."""
    return f"{incident.id}-{incident.opened_at:%Y%m%d%H%M%S}"
