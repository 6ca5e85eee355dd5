"""Tokens, passwords, tries and scopes."""

from datetime import UTC, datetime, timedelta

import pytest

from aiops_processor.access import passwords, scopes
from aiops_processor.access.attempts import MOST_NAMES, Attempts, counted_as
from aiops_processor.access.tokens import digest, form_key, new_token
from aiops_processor.errors import InputError
from aiops_processor.models.access import Scope

GOOD = "correct horse battery"


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 31, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None: ...


def test_a_token_is_256_random_bits_that_no_hash_gives_back() -> None:
    made = {new_token() for _ in range(100)}
    assert len(made) == 100
    assert all(len(token.removeprefix("aiops_")) == 43 for token in made)
    token = made.pop()
    assert token not in digest(token)
    assert form_key(token) not in {token, digest(token)}


def test_a_password_is_kept_as_argon2id_with_a_salt_of_its_own() -> None:
    first, second = passwords.hashed(GOOD), passwords.hashed(GOOD)
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert passwords.fits(GOOD, first)
    assert not passwords.fits(f"{GOOD}.", first)
    assert not passwords.fits(GOOD, None)
    assert not passwords.fits(GOOD, "no hash at all")


@pytest.mark.parametrize("password", ["", "short", "x" * 257])
def test_a_password_that_is_too_short_or_endless_is_refused(password: str) -> None:
    with pytest.raises(InputError, match="12 to 256"):
        passwords.hashed(password)


def test_after_ten_failures_there_is_a_wait_that_ends() -> None:
    clock = Clock()
    attempts = Attempts(clock, most=10, window=timedelta(minutes=5))
    for _ in range(9):
        attempts.failed("here", "user ann")
    assert attempts.wait("here") == 0
    attempts.failed("here")
    assert attempts.wait("elsewhere", "here") == 300
    assert attempts.wait("user ann") == 0
    clock.time += timedelta(minutes=5)
    assert attempts.wait("here") == 0


def test_who_was_right_has_one_failure_less_and_keeps_those_before() -> None:
    attempts = Attempts(Clock(), most=2)
    attempts.take_back("nobody")
    attempts.failed("here")
    attempts.failed("here")
    attempts.take_back("here")
    assert attempts.wait("here") == 0
    attempts.failed("here")
    assert attempts.wait("here") == 300


@pytest.mark.parametrize(
    ("address", "counted"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8::1", "2001:db8::/64"), ("2001:db8:0:0:f::1", "2001:db8::/64"), ("", ""),
     ("::ffff:192.0.2.7", "192.0.2.7")],
)  # fmt: skip
def test_of_ipv6_all_that_one_household_has_is_one(address: str, counted: str) -> None:
    assert counted_as(address) == counted


def test_failures_of_very_many_addresses_do_not_fill_the_memory() -> None:
    attempts = Attempts(Clock(), most=1)
    for number in range(MOST_NAMES + 5):
        attempts.failed(str(number))
    assert attempts.wait("0") == 0
    assert attempts.wait(str(MOST_NAMES + 4)) > 0


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/health", None),
        ("GET", "/login", None),
        ("GET", "/static/console.css", None),
        ("POST", "/webhook/alerts", Scope.INGEST),
        ("POST", "/webhook/changes/", Scope.INGEST),
        ("GET", "/", Scope.READ),
        ("GET", "/api/v1/incidents", Scope.READ),
        ("POST", "/analyze", Scope.RESPOND),
        ("DELETE", "/api/v1/watchdogs/1", Scope.RESPOND),
        ("PATCH", "/something/new", Scope.RESPOND),
        ("GET", "/api/v1/audit", Scope.ADMIN),
        ("DELETE", "/api/v1/tokens/x", Scope.ADMIN),
        ("PUT", "/api/v1/users/x", Scope.ADMIN),
        ("GET", "/metrics", Scope.READ),
    ],
)
def test_what_a_request_needs(method: str, path: str, scope: Scope | None) -> None:
    assert scopes.needed(method, path) == scope
