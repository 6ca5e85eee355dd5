"""GitHub's webhooks: `deployment`, `deployment_status`, `push`, `release`.

Source: https://docs.github.com/en/webhooks/webhook-events-and-payloads. Keys that we do not know are left.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from aiops_processor.models.change import PostedChange
from aiops_processor.services.change_bodies.fields import Time, first_line, read_as

Outcome = list[PostedChange] | str
"""Changes, or why the event tells of none."""

FINISHED = frozenset({"success", "failure", "error"})
SHORT_SHA = 12


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _User(_Wire):
    login: str = ""


class _Repository(_Wire):
    name: str
    default_branch: str = ""
    pushed_at: int | str | None = None


class _Deployment(_Wire):
    sha: str
    ref: str = ""
    environment: str = ""
    description: str | None = None
    created_at: Time
    creator: _User | None = None
    url: str = ""
    payload: Any = None


class _Status(_Wire):
    state: str
    created_at: Time
    target_url: str | None = None


class _Commit(_Wire):
    id: str
    message: str = ""
    url: str = ""


class _Release(_Wire):
    tag_name: str
    name: str | None = None
    published_at: Time | None = None
    html_url: str = ""


class _DeploymentEvent(_Wire):
    repository: _Repository
    deployment: _Deployment
    deployment_status: _Status | None = None


class _PushEvent(_Wire):
    repository: _Repository
    ref: str
    after: str
    compare: str = ""
    head_commit: _Commit | None = None
    sender: _User = Field(default_factory=_User)


class _ReleaseEvent(_Wire):
    action: str
    repository: _Repository
    release: _Release
    sender: _User = Field(default_factory=_User)


def read(event: str, content: Mapping[str, Any], now: datetime) -> Outcome:
    """The change that an event tells of, or why it tells of none. Raises InputError, which names the field."""
    reader = _READERS.get(event)
    return reader(content, now) if reader else f"{event} events tell of no change"


def _deployment(content: Mapping[str, Any], now: datetime) -> Outcome:
    del now
    told = read_as(_DeploymentEvent, content)
    status = told.deployment_status
    if status is not None and status.state not in FINISHED:
        return f"a deployment that is {status.state} has changed nothing yet"
    deployment = told.deployment
    version = deployment.ref or deployment.sha[:SHORT_SHA]
    ended = f" ended with {status.state}" if status else " began"
    about = f": {first_line(deployment.description)}" if deployment.description else ""
    return [
        PostedChange(
            source="github",
            kind="deployment",
            title=f"deployment of {told.repository.name} {version}{ended}{about}",
            at=status.created_at if status else deployment.created_at,
            service=_service(deployment) or told.repository.name,
            realm={"environment": deployment.environment} if deployment.environment else {},
            version=version,
            author=deployment.creator.login if deployment.creator else "",
            url=_address((status.target_url if status else "") or ""),
        )
    ]


def _push(content: Mapping[str, Any], now: datetime) -> Outcome:
    told = read_as(_PushEvent, content)
    branch = told.ref.removeprefix("refs/heads/")
    if told.ref != f"refs/heads/{told.repository.default_branch}":
        return f"a push to {told.ref} changes nothing that runs; {told.repository.default_branch or 'no'} branch does"
    if told.head_commit is None:
        return f"the branch {branch} was deleted"
    return [
        PostedChange(
            source="github",
            kind="push",
            title=f"push to {branch} of {told.repository.name}: {first_line(told.head_commit.message)}",
            at=_pushed(told.repository.pushed_at) or now,
            service=told.repository.name,
            version=told.after[:SHORT_SHA],
            author=told.sender.login,
            url=_address(told.compare),
        )
    ]


def _release(content: Mapping[str, Any], now: datetime) -> Outcome:
    told = read_as(_ReleaseEvent, content)
    if told.action != "published":
        return f"a release that is {told.action} changes nothing; one that is published does"
    release = told.release
    return [
        PostedChange(
            source="github",
            kind="release",
            title=f"release {first_line(release.name or release.tag_name)} of {told.repository.name}",
            at=release.published_at or now,
            service=told.repository.name,
            version=release.tag_name,
            author=told.sender.login,
            url=_address(release.html_url),
        )
    ]


_READERS: Mapping[str, Callable[[Mapping[str, Any], datetime], Outcome]] = {
    "deployment": _deployment,
    "deployment_status": _deployment,
    "push": _push,
    "release": _release,
}


def _service(deployment: _Deployment) -> str:
    """Who deploys several services from one repository says which in the deployment's own payload."""
    payload = deployment.payload
    named = payload.get("service") if isinstance(payload, dict) else None
    return named[:200] if isinstance(named, str) else ""


def _pushed(at: int | str | None) -> datetime | None:
    """A push's own time is in Unix seconds; its commits may be older by days."""
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int) and 0 < at < 2**33 else None


def _address(url: str) -> str:
    return url if url.startswith(("https://", "http://")) else ""
