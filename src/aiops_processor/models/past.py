"""Incidents that were, and what people said of their analysis."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from aiops_processor.models.base import Frozen


class Said(StrEnum):
    """What a person says of an analysis."""

    RIGHT = "right"
    WRONG = "wrong"


class Feedback(Frozen):
    """What somebody said of the analysis of an incident; `cause` is the true one in their words, where they told it."""

    said: Said
    cause: str = Field(default="", max_length=2000)
    by: str = Field(default="", max_length=200)


class GivenFeedback(Feedback):
    """The same, with when it was said."""

    at: datetime


class Past(Frozen):
    """A past incident that is like this one; `score` (0 to 1) is how much. `concluded` is what its analysis said.

    It is a hypothesis to check: what it was then need not be what it is now.
    """

    incident_id: int
    title: str
    opened_at: datetime
    score: float
    alike: tuple[str, ...] = ()
    concluded: str = ""
    feedback: tuple[GivenFeedback, ...] = ()
