"""What a poster of alerts is answered."""

from typing import Literal

from aiops_processor.models.base import Frozen


class Rejection(Frozen):
    """One alert that was not taken: its place in the body, the field and the remedy. Kept as a dead letter."""

    index: int
    reason: str


class WebhookAnswer(Frozen):
    """The answer to `POST /webhook/alerts`, given after the commit.

    `queue_size` counts incidents that wait for work; `warnings` are alerts that were taken but look odd.
    """

    status: Literal["ok", "rejected"] = "ok"
    processed: int = 0
    queue_size: int = 0
    rejected: tuple[Rejection, ...] = ()
    warnings: tuple[Rejection, ...] = ()
