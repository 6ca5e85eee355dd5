"""Argo CD's notifications: the template posts `{"app": …}`, the Application as Kubernetes has it.

Source: https://argo-cd.readthedocs.io/en/stable/operator-manual/notifications/. Keys that we do not know are left.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from aiops_processor.models.change import PostedChange
from aiops_processor.services.change_bodies.fields import Time, read_as

SHORT_SHA = 12
LOCAL_CLUSTER = "in-cluster"


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class _Metadata(_Wire):
    name: str


class _Destination(_Wire):
    namespace: str = ""
    name: str = ""


class _Spec(_Wire):
    destination: _Destination = Field(default_factory=_Destination)


class _Initiator(_Wire):
    username: str = ""
    automated: bool = False


class _Operation(_Wire):
    initiated_by: _Initiator = Field(default_factory=_Initiator, alias="initiatedBy")


class _SyncResult(_Wire):
    revision: str = ""


class _OperationState(_Wire):
    phase: str
    started_at: Time = Field(alias="startedAt")
    message: str = ""
    operation: _Operation = Field(default_factory=_Operation)
    sync_result: _SyncResult = Field(default_factory=_SyncResult, alias="syncResult")


class _Status(_Wire):
    operation_state: _OperationState | None = Field(default=None, alias="operationState")


class _App(_Wire):
    metadata: _Metadata
    spec: _Spec = Field(default_factory=_Spec)
    status: _Status = Field(default_factory=_Status)


class _Body(_Wire):
    app: _App


def read(content: Mapping[str, Any], now: datetime) -> list[PostedChange] | str:
    """The sync that a notification tells of, or why it tells of none. Raises InputError, which names the field."""
    del now
    app = read_as(_Body, content).app
    state = app.status.operation_state
    if state is None:
        return f"{app.metadata.name} was not synced: its status has no operationState"
    revision = state.sync_result.revision[:SHORT_SHA]
    by = state.operation.initiated_by
    destination = app.spec.destination
    return [
        PostedChange(
            source="argocd",
            kind="deployment",
            title=f"sync of {app.metadata.name} {revision}: {state.phase.lower()}".replace("  ", " "),
            at=state.started_at,  # from then on pods are replaced; its end may be minutes later
            service=app.metadata.name,
            namespace=destination.namespace,
            realm={"cluster": destination.name} if destination.name not in {"", LOCAL_CLUSTER} else {},
            version=revision,
            author=by.username or ("automated sync" if by.automated else ""),
        )
    ]
