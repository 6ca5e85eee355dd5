"""Tokens, users and the audit log, for administrators."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request
from pydantic import Field

from aiops_processor.errors import InputError
from aiops_processor.models.access import ApiToken, AuditEntry, Role, Scope, User
from aiops_processor.models.base import Frozen
from aiops_processor.web.access import Doors
from aiops_processor.web.api import MOST_ID
from aiops_processor.web.service import Running

NAME = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$"

router = APIRouter(prefix="/api/v1", tags=["access"])

Name = Annotated[str, Path(pattern=NAME)]


class NewToken(Frozen):
    """`days` is how long it holds, without it until it is revoked."""

    name: str = Field(pattern=NAME)
    scopes: list[Scope] = Field(min_length=1, max_length=4)
    days: float | None = Field(default=None, gt=0, le=3650)


class MadeToken(Frozen):
    """`secret` is shown this once."""

    token: ApiToken
    secret: str


class NewUser(Frozen):
    """A password has 12 to 256 characters."""

    password: str = Field(max_length=1000)
    role: Role = Role.VIEWER


@router.get("/tokens")
async def tokens(request: Request) -> list[ApiToken]:
    """All tokens, without their secrets."""
    return await _doors(request).directory.tokens()


@router.post("/tokens", status_code=201)
async def add_token(request: Request, service: Running, new: NewToken) -> MadeToken:
    """Make a token; its secret is in this answer and nowhere else. 409 where the name is taken."""
    expires_at = None if new.days is None else service.clock.now() + timedelta(days=new.days)
    try:
        token, secret = await _doors(request).directory.add_token(new.name, new.scopes, _who(request), expires_at)
    except InputError as error:
        raise HTTPException(409, str(error)) from error
    return MadeToken(token=token, secret=secret)


@router.delete("/tokens/{name}")
async def revoke_token(request: Request, name: Name) -> dict[str, str]:
    """It is refused from now on."""
    if not await _doors(request).directory.revoke_token(name):
        raise HTTPException(404, f"no token {name}")
    return {"status": "revoked"}


@router.get("/users")
async def users(request: Request) -> list[User]:
    """The local users."""
    return await _doors(request).directory.users()


@router.put("/users/{name}")
async def put_user(request: Request, name: Name, new: NewUser) -> User:
    """Add a user, or give one another password and role; their sessions end."""
    try:
        return await _doors(request).directory.put_user(name, new.password, new.role)
    except InputError as error:
        raise HTTPException(422, str(error)) from error


@router.delete("/users/{name}")
async def remove_user(request: Request, name: Name) -> dict[str, str]:
    """They are signed out, too."""
    if not await _doors(request).directory.remove_user(name):
        raise HTTPException(404, f"no user {name}")
    return {"status": "removed"}


@router.get("/audit")
async def audit(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int | None, Query(ge=1, le=MOST_ID)] = None,
) -> list[AuditEntry]:
    """What was changed and by whom, and who tried to sign in; newest first."""
    return await _doors(request).audit.recent(limit, before)


def _doors(request: Request) -> Doors:
    return request.app.state.doors


def _who(request: Request) -> str:
    return request.state.caller.name
