"""Our own form: what a pipeline, a script or a person at curl posts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from aiops_processor.evidence.rows.entities import REALMS
from aiops_processor.models.change import ChangeKind, PostedChange
from aiops_processor.services.change_bodies.fields import Address, Line, Short, Time, read_as


class GenericChange(BaseModel):
    """`title` says what was changed; everything else may be left out. `at` is now unless given.

    `labels` say where: cluster, environment, region, … as the alerts carry them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[Line, Field(min_length=1)]
    kind: ChangeKind = "deployment"
    at: Time | None = None
    service: Short = ""
    namespace: Short = ""
    labels: dict[str, Short] = Field(default_factory=dict, max_length=20)
    version: Short = ""
    author: Short = ""
    url: Address = ""

    @field_validator("labels")
    @classmethod
    def _say_where(cls, labels: dict[str, str]) -> dict[str, str]:
        if other := sorted(labels.keys() - set(REALMS)):
            raise ValueError(f"{', '.join(other)}: no label that tells systems apart; known: {', '.join(REALMS)}")
        return labels


def read(content: Mapping[str, Any], place: str, now: datetime) -> PostedChange:
    """A change in our own form. Raises InputError, which names the field; `place` is put before its path."""
    told = read_as(GenericChange, content, place)
    return PostedChange(
        source="generic",
        kind=told.kind,
        title=told.title,
        at=told.at or now,
        service=told.service,
        namespace=told.namespace,
        realm=told.labels,
        version=told.version,
        author=told.author,
        url=told.url,
    )
