"""What is told to people, and what came of telling them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from aiops_processor.models.action import ActionRecord
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.base import Frozen
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.incident import Incident


class Occasion(StrEnum):
    """Why a message goes out: first that something fires, then why, then that it is over.

    Between, that another kind of alert or a graver one joined, which the analysis does not know yet; that somebody
    looks after it (only to channels that can say so to others), or that nobody does; and that an action waits for
    somebody's approval (only to channels where that can be given).
    """

    OPENED = "opened"
    JOINED = "joined"
    ANALYSED = "analysed"
    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"
    REMINDED = "reminded"
    APPROVAL = "approval"


class Message(Frozen):
    """One thing to tell one channel about one incident, complete in itself.

    `url` is the incident's page, "" where no external address is configured. Where a Watchdog is overdue there is no
    incident: then `incident` only carries what is told, with a negative id of its own and no page. `update`: it was
    analysed and told before, and this is newer. Of a storm only some `alerts` are here, and `more_alerts` says how many
    others there are. `waiting` are its actions that somebody has to approve, `askable` the names of those that can be
    asked for, with what stands on their buttons. `done` is for an action alone, while it acts: the lines of what it did
    about this incident before, oldest first.
    """

    occasion: Occasion
    incident: Incident
    alerts: tuple[Alert, ...]
    more_alerts: int = 0
    analysis: AnalysisResult | None = None
    evidence: EvidenceReport | None = None
    update: bool = False
    url: str = ""
    sent_at: datetime
    waiting: tuple[ActionRecord, ...] = ()
    askable: tuple[tuple[str, str], ...] = ()
    done: tuple[str, ...] = ()


class Receipt(Frozen):
    """What a channel gave back: whatever it needs to edit, thread or resolve later. Plain JSON."""

    data: dict[str, Any] = Field(default_factory=dict)


class DeliveryState(StrEnum):
    """A row of the outbox. `unknown`: sent perhaps, the answer was lost. `skipped`: no route leads there, or not now.

    `held`: it is quiet there; its time comes.
    """

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    HELD = "held"


class Delivery(Frozen):
    """One outbox row: one message for one channel. `key` is the same on every retry.

    It is about an incident, or about a Watchdog that is overdue. `sending`: a request that must not be repeated has
    begun, and nobody wrote down what came of it.
    """

    id: int
    key: str
    incident_id: int | None
    watchdog_id: int | None = None
    channel: str
    occasion: Occasion
    revision: int
    state: DeliveryState
    attempts: int
    next_try_at: datetime | None
    error: str = ""
    receipt: Receipt | None = None
    sending: bool = False
