"""Passwords of local users: argon2id, as RFC 9106 and OWASP's password storage cheat sheet have it."""

import functools
from importlib import import_module
from typing import Any

from aiops_processor.errors import InputError

LEAST_LENGTH = 12
MOST_LENGTH = 256
_MEMORY_KIB = 19 * 1024  # OWASP's smallest: a service that idles at 100 MB must not need 64 more for a sign-in
_PASSES = 2
_LANES = 1


def hashed(password: str) -> str:
    """What is kept of a password. Takes 20 ms of a core: call it in a thread. Raises InputError for a bad one."""
    if not LEAST_LENGTH <= len(password) <= MOST_LENGTH:
        raise InputError("password", f"has {LEAST_LENGTH} to {MOST_LENGTH} characters; a sentence is a good one")
    return _hasher().hash(password)


def fits(password: str, kept: str | None) -> bool:
    """Whether this is the password. Without a kept one the same work is done: who waits learns no user's name."""
    try:
        _hasher().verify(kept or _nobodys(), password[: MOST_LENGTH + 1])
    except import_module("argon2.exceptions").Argon2Error:
        return False
    except import_module("argon2.exceptions").InvalidHashError:
        return False
    return kept is not None


@functools.cache
def _hasher() -> Any:
    """Loaded when the first password comes: it costs 4 MB, and most services have no local user."""
    return import_module("argon2").PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES)


@functools.cache
def _nobodys() -> str:
    return _hasher().hash("a password that nobody has")
