"""Which scope a request needs."""

from aiops_processor.models.access import Scope

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN = frozenset(
    {"/health", "/health/", "/health/live", "/health/ready", "/login", "/login/oidc", "/login/oidc/callback"}
)
"""Asked by probes, and by who is about to say who they are."""
OPEN_BELOW = "/static/"
INGEST_BELOW = "/webhook/"
ADMIN_BELOW = ("/api/v1/tokens", "/api/v1/users", "/api/v1/audit")
ANYBODYS = frozenset({"/logout"})
"""For whoever is known, whatever their role."""


def needed(method: str, path: str) -> Scope | None:
    """The scope that this request needs, None where it is open to all. What has no name here counts by its method."""
    if path in OPEN or path.startswith(OPEN_BELOW):
        return None
    if path.startswith(INGEST_BELOW):
        return Scope.INGEST
    if path.startswith(ADMIN_BELOW):
        return Scope.ADMIN
    return Scope.READ if method in SAFE or path in ANYBODYS else Scope.RESPOND


def is_change(method: str, path: str) -> bool:
    """Whether this is to be found in the audit log: every change but what machines post all the time."""
    return method not in SAFE and not path.startswith(INGEST_BELOW) and path not in OPEN
