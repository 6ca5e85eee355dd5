"""What was changed, as somebody told us: a deployment, a push, an annotation, an event of Kubernetes."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from aiops_processor.models.base import Frozen

ChangeKind = Literal[
    "deployment", "release", "push", "configuration", "migration", "flag", "scaling", "annotation", "event", "other"
]


class PostedChange(Frozen):
    """One change. `at` is in UTC; `title` is one line.

    Where: `service` as its sender calls it, `namespace`, and `realm`, labels such as cluster and environment. What is
    empty is not known; where all are, it may concern everything. `source` is who told us (`generic`, `github`,
    `argocd`, `grafana`, `kubernetes`), `reference` where it can be read again. `hints` are words that may name
    the service.
    """

    source: str
    kind: ChangeKind
    title: str
    at: datetime
    service: str = ""
    namespace: str = ""
    realm: dict[str, str] = Field(default_factory=dict)
    version: str = ""
    author: str = ""
    url: str = ""
    reference: str = ""
    hints: tuple[str, ...] = ()
