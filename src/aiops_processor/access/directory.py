"""Everybody we know: holders of tokens, local users, and who has signed in."""

import asyncio
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import structlog

from aiops_processor.access import passwords
from aiops_processor.access.tokens import digest, form_key, new_token
from aiops_processor.clock import Clock
from aiops_processor.errors import InputError, StorageError
from aiops_processor.models.access import INCLUDED, OF_ROLE, ApiToken, Caller, Role, Scope, Session, User
from aiops_processor.storage import access as rows
from aiops_processor.storage.database import Database

log = structlog.get_logger(__name__)

KEEP_SECONDS = 5.0
"""How long another process may still accept a token that was revoked here."""
NOTE_USE = timedelta(minutes=1)
PASSWORDS_AT_ONCE = 2
"""Each takes 19 MB and a core while it is checked: strangers must not take all of both."""


class Directory:
    """Tokens are read at most every five seconds, so that a storm of posts costs no query each."""

    def __init__(self, database: Database, clock: Clock, ticks: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._ticks = ticks
        self._tokens: dict[str, ApiToken] = {}
        self._used: dict[int, datetime] = {}
        self._users = False
        self._read_at = float("-inf")
        self._checking = asyncio.Semaphore(PASSWORDS_AT_ONCE)

    async def bearer(self, secret: str) -> Caller | None:
        """Whose token this is, None where it is none of ours, or its time is over. Raises StorageError."""
        await self._refresh()
        token = self._tokens.get(digest(secret))
        now = self._clock.now()
        if token is None or (token.expires_at is not None and token.expires_at <= now):
            return None
        await self._note_use(token, now)
        scopes = frozenset[Scope]().union(*(INCLUDED[scope] for scope in token.scopes))
        return Caller(name=f"token {token.name}", scopes=scopes)

    async def has_tokens(self) -> bool:
        await self._refresh()
        return bool(self._tokens)

    async def has_users(self) -> bool:
        await self._refresh()
        return self._users

    async def session(self, secret: str) -> Caller | None:
        """Who has signed in with this cookie, None where nobody has or it is over. Raises StorageError."""
        async with self._database.read() as connection:
            found = await rows.session(connection, digest(secret), self._clock.now())
        if found is None:
            return None
        return Caller(name=found.user, scopes=OF_ROLE[found.role], form_key=form_key(secret), browser=True)

    async def sign_in(self, name: str, password: str, lasting: timedelta) -> str | None:
        """The secret of a new session, None where name or password is wrong. Raises StorageError."""
        async with self._database.read() as connection:
            found = await rows.user(connection, name)
        async with self._checking:
            right = await asyncio.to_thread(passwords.fits, password, found[1] if found else None)
        return await self.open_session(name, found[0].role, "local", lasting) if found and right else None

    async def open_session(self, name: str, role: Role, source: str, lasting: timedelta) -> str:
        """The secret of a session for somebody who has proved who they are."""
        secret, now = new_token(), self._clock.now()
        session = Session(user=name, role=role, source=source, expires_at=now + lasting)
        async with self._database.write() as connection:
            await rows.open_session(connection, digest(secret), session, now)
        return secret

    async def sign_out(self, secret: str) -> None:
        async with self._database.write() as connection:
            await rows.end_session(connection, digest(secret))

    async def add_token(
        self, name: str, scopes: Collection[Scope], by: str, expires_at: datetime | None
    ) -> tuple[ApiToken, str]:
        """The new token, and its secret, which nobody can see again. Raises InputError where the name is taken."""
        secret = new_token()
        async with self._database.write() as connection:
            token = await rows.add_token(
                connection, digest(secret), name, frozenset(scopes), self._clock.now(), by, expires_at
            )
        if token is None:
            raise InputError("name", f"there is a token {name} already; revoke it, or choose another name")
        self._forget()
        return token, secret

    async def tokens(self) -> list[ApiToken]:
        async with self._database.read() as connection:
            return await rows.tokens(connection)

    async def revoke_token(self, name: str) -> bool:
        """It is refused at once here, within five seconds elsewhere. False where there is no such one."""
        async with self._database.write() as connection:
            found = await rows.drop_token(connection, name)
        self._forget()
        return found

    async def put_user(self, name: str, password: str, role: Role) -> User:
        """Add a user, or give one another password and role and end their sessions. Raises InputError."""
        async with self._checking:
            kept = await asyncio.to_thread(passwords.hashed, password)
        user = User(name=name, role=role, created_at=self._clock.now())
        async with self._database.write() as connection:
            await rows.put_user(connection, user, kept)
            await rows.end_sessions_of(connection, name)
        self._forget()
        return user

    async def users(self) -> list[User]:
        async with self._database.read() as connection:
            return await rows.listed_users(connection)

    async def remove_user(self, name: str) -> bool:
        """Their sessions end, too. False where there is no such one."""
        async with self._database.write() as connection:
            found = await rows.drop_user(connection, name)
            await rows.end_sessions_of(connection, name)
        self._forget()
        return found

    async def _refresh(self) -> None:
        if self._ticks() - self._read_at < KEEP_SECONDS:
            return
        async with self._database.read() as connection:
            self._tokens = await rows.tokens_by_digest(connection)
            self._users = bool(await rows.listed_users(connection))
        self._read_at = self._ticks()

    def _forget(self) -> None:
        self._read_at = float("-inf")

    async def _note_use(self, token: ApiToken, now: datetime) -> None:
        """When a token was last used, to the minute; a store that is busy is no reason to refuse."""
        if now - self._used.get(token.id, datetime.min.replace(tzinfo=now.tzinfo)) < NOTE_USE:
            return
        self._used[token.id] = now
        try:
            async with self._database.write() as connection:
                await rows.token_used(connection, token.id, now)
        except StorageError as error:
            log.warning("the use of a token was not noted", token=token.name, error=str(error))
