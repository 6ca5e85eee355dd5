"""Tokens, users and sessions. Secrets come here hashed."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from aiops_processor.models.access import ApiToken, Role, Scope, Session, User
from aiops_processor.storage.alerts import insert
from aiops_processor.storage.database import Connection
from aiops_processor.storage.tables import api_tokens, sessions, users

_LISTED = tuple(api_tokens.c[name] for name in ApiToken.model_fields)


async def add_token(
    connection: Connection,
    digest: str,
    name: str,
    scopes: Collection[Scope],
    created_at: datetime,
    created_by: str,
    expires_at: datetime | None,
) -> ApiToken | None:
    """The new token, None where another has its name."""
    row = {
        "name": name,
        "digest": digest,
        "scopes": sorted(scopes),
        "created_at": created_at,
        "created_by": created_by,
        "expires_at": expires_at,
    }
    statement = insert(connection, api_tokens).values(**row).on_conflict_do_nothing(index_elements=["name"])
    found = (await connection.execute(statement.returning(*_LISTED))).one_or_none()
    return None if found is None else ApiToken.model_validate(dict(found._mapping))


async def tokens(connection: Connection) -> list[ApiToken]:
    """All of them, oldest first."""
    return [
        ApiToken.model_validate(dict(row._mapping))
        for row in await connection.execute(sa.select(*_LISTED).order_by(api_tokens.c.id))
    ]


async def tokens_by_digest(connection: Connection) -> dict[str, ApiToken]:
    rows = await connection.execute(sa.select(api_tokens.c.digest, *_LISTED))
    return {
        row.digest: ApiToken.model_validate({name: getattr(row, name) for name in ApiToken.model_fields})
        for row in rows
    }


async def token_used(connection: Connection, token_id: int, at: datetime) -> None:
    await connection.execute(sa.update(api_tokens).where(api_tokens.c.id == token_id).values(last_used_at=at))


async def drop_token(connection: Connection, name: str) -> bool:
    """False where there is no such one."""
    return (await connection.execute(sa.delete(api_tokens).where(api_tokens.c.name == name))).rowcount > 0


async def put_user(connection: Connection, user: User, password_hash: str) -> None:
    """Add a user, or give a known one another password and role."""
    row = {"password_hash": password_hash, "role": user.role}
    statement = insert(connection, users).values(name=user.name, created_at=user.created_at, **row)
    await connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=row))


async def listed_users(connection: Connection) -> list[User]:
    rows = await connection.execute(sa.select(users.c.name, users.c.role, users.c.created_at).order_by(users.c.name))
    return [User.model_validate(dict(row._mapping)) for row in rows]


async def user(connection: Connection, name: str) -> tuple[User, str] | None:
    """The user with the hash of the password, None where there is no such one."""
    row = (await connection.execute(sa.select(users).where(users.c.name == name))).one_or_none()
    return (
        None
        if row is None
        else (User(name=row.name, role=Role(row.role), created_at=row.created_at), row.password_hash)
    )


async def drop_user(connection: Connection, name: str) -> bool:
    """False where there is no such one."""
    return (await connection.execute(sa.delete(users).where(users.c.name == name))).rowcount > 0


async def open_session(connection: Connection, digest: str, session: Session, now: datetime) -> None:
    """Keep a new session, and forget those whose time is over."""
    await connection.execute(sa.delete(sessions).where(sessions.c.expires_at <= now))
    await connection.execute(sa.insert(sessions).values(digest=digest, **session.model_dump()))


async def session(connection: Connection, digest: str, now: datetime) -> Session | None:
    """The session that lasts, None for any other digest."""
    found = sa.select(sessions).where(sessions.c.digest == digest, sessions.c.expires_at > now)
    row = (await connection.execute(found)).one_or_none()
    if row is None:
        return None
    return Session(user=row.user, role=Role(row.role), source=row.source, expires_at=row.expires_at)


async def end_session(connection: Connection, digest: str) -> None:
    await connection.execute(sa.delete(sessions).where(sessions.c.digest == digest))


async def end_sessions_of(connection: Connection, name: str) -> None:
    """A local user's, all of them."""
    await connection.execute(sa.delete(sessions).where(sessions.c.user == name, sessions.c.source == "local"))
