"""Tokens, users, sessions and the audit log on each kind of database."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from aiops_processor.access.audit import Audit
from aiops_processor.access.directory import KEEP_SECONDS, Directory
from aiops_processor.errors import InputError
from aiops_processor.models.access import Role, Scope
from aiops_processor.storage.database import Database
from aiops_processor.storage.tables import metadata

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
DAY = timedelta(days=1)


class Moved:
    """A clock, and the seconds of the monotonic one, which a test moves."""

    def __init__(self, time: datetime) -> None:
        self.time = time
        self.seconds = 0.0

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None: ...

    def ticks(self) -> float:
        return self.seconds


@pytest.fixture
def clock(now: datetime) -> Moved:
    return Moved(now)


@pytest.fixture
def directory(database: Database, clock: Moved) -> Directory:
    return Directory(database, clock, clock.ticks)


async def test_a_token_is_known_until_it_ends(directory: Directory, clock: Moved) -> None:
    assert not await directory.has_tokens()
    made, secret = await directory.add_token("ci", [Scope.INGEST, Scope.READ], "ann", clock.now() + DAY)
    caller = await directory.bearer(secret)
    assert caller is not None
    assert (caller.name, caller.scopes, caller.browser) == ("token ci", {Scope.INGEST, Scope.READ}, False)
    (listed,) = await directory.tokens()
    assert (listed.id, listed.created_by, listed.last_used_at) == (made.id, "ann", clock.now())
    assert await directory.bearer(f"{secret}x") is None
    clock.time += DAY
    assert await directory.bearer(secret) is None


async def test_a_name_is_given_once_and_a_revoked_token_is_refused_at_once(directory: Directory) -> None:
    _, secret = await directory.add_token("ci", [Scope.ADMIN], "ann", None)
    with pytest.raises(InputError, match="already"):
        await directory.add_token("ci", [Scope.READ], "ann", None)
    assert await directory.bearer(secret)
    assert await directory.revoke_token("ci")
    assert not await directory.revoke_token("ci")
    assert await directory.bearer(secret) is None


async def test_what_another_process_revoked_is_refused_within_seconds(
    directory: Directory, database: Database, clock: Moved
) -> None:
    other = Directory(database, clock, clock.ticks)
    _, secret = await directory.add_token("ci", [Scope.READ], "ann", None)
    assert await other.bearer(secret)
    await directory.revoke_token("ci")
    clock.seconds += KEEP_SECONDS
    assert await other.bearer(secret) is None


async def test_a_session_lasts_its_time_and_ends_with_the_user(directory: Directory, clock: Moved) -> None:
    await directory.put_user("ann", PASSWORD, Role.RESPONDER)
    assert await directory.sign_in("ann", "wrong", DAY) is None
    assert await directory.sign_in("bob", PASSWORD, DAY) is None
    first, second = [await directory.sign_in("ann", PASSWORD, DAY) for _ in range(2)]
    assert first
    assert second
    assert first != second
    caller = await directory.session(first)
    assert caller is not None
    assert (caller.name, caller.browser, bool(caller.form_key)) == ("ann", True, True)
    assert caller.scopes == {Scope.READ, Scope.RESPOND}
    await directory.sign_out(first)
    assert await directory.session(first) is None
    await directory.put_user("ann", PASSWORD, Role.ADMIN)
    assert await directory.session(second) is None, "whose role changes signs in again"
    third = await directory.sign_in("ann", PASSWORD, DAY)
    assert third
    clock.time += DAY
    assert await directory.session(third) is None
    fourth = await directory.sign_in("ann", PASSWORD, DAY)
    assert fourth
    assert await directory.remove_user("ann")
    assert await directory.session(fourth) is None
    assert await directory.users() == []


async def test_no_secret_is_stored_as_it_is(directory: Directory, database: Database) -> None:
    await directory.put_user("ann", PASSWORD, Role.VIEWER)
    _, token = await directory.add_token("ci", [Scope.READ], "ann", None)
    session = await directory.sign_in("ann", PASSWORD, DAY)
    assert session
    stored = ""
    async with database.read() as connection:
        for table in metadata.sorted_tables:
            stored += str([tuple(row) for row in await connection.execute(sa.select(table))])
    assert "argon2id" in stored
    assert [secret for secret in (PASSWORD, token, session) if secret in stored] == []


async def test_the_audit_log_keeps_its_time(database: Database, clock: Moved) -> None:
    log = Audit(database, clock)
    first = await log.begin("ann", "192.0.2.1", "POST", "/x\0", keep=DAY)
    await log.end(first, 200)
    clock.time += DAY
    second = await log.begin("bob", "192.0.2.2", "DELETE", "/y", keep=DAY)
    assert [(entry.actor, entry.status) for entry in await log.recent(10, None)] == [("bob", None), ("ann", 200)]
    assert [entry.id for entry in await log.recent(10, second)] == [first]
    clock.time += timedelta(seconds=1)
    await log.begin("cid", "", "POST", "/z", keep=DAY)
    assert [entry.actor for entry in await log.recent(10, None)] == ["cid", "bob"]
