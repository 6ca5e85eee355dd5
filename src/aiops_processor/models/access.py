"""Who asks us for something, and what they may do."""

from datetime import datetime
from enum import StrEnum

from aiops_processor.models.base import Frozen


class Scope(StrEnum):
    """What a token or a role allows. `admin` allows everything, `respond` includes `read`; `ingest` stands alone."""

    INGEST = "ingest"
    READ = "read"
    RESPOND = "respond"
    ADMIN = "admin"


class Role(StrEnum):
    """What a person may do on the pages."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    ADMIN = "admin"


INCLUDED = {
    Scope.INGEST: frozenset({Scope.INGEST}),
    Scope.READ: frozenset({Scope.READ}),
    Scope.RESPOND: frozenset({Scope.READ, Scope.RESPOND}),
    Scope.ADMIN: frozenset(Scope),
}
OF_ROLE = {
    Role.VIEWER: INCLUDED[Scope.READ],
    Role.RESPONDER: INCLUDED[Scope.RESPOND],
    Role.ADMIN: INCLUDED[Scope.ADMIN],
}


class Caller(Frozen):
    """Who asks. `form_key` is what the forms of a session must carry; "" where there is no session.

    `browser` says that a browser may have been made to ask by another site: its session or this machine let it in.
    """

    name: str
    scopes: frozenset[Scope]
    form_key: str = ""
    browser: bool = False

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes


class ApiToken(Frozen):
    """A token as it is listed; the token itself is shown once, when it is made."""

    id: int
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


class User(Frozen):
    """A local user of the pages."""

    name: str
    role: Role
    created_at: datetime


class Session(Frozen):
    """Somebody who has signed in. `source` is `local` or `oidc`."""

    user: str
    role: Role
    source: str
    expires_at: datetime


class AuditEntry(Frozen):
    """One change, or one try to sign in. `status` is the HTTP status it was answered with, None where none is known."""

    id: int
    at: datetime
    actor: str
    address: str
    action: str
    target: str
    status: int | None
