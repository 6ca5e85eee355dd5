"""Secrets of ours: tokens and sessions. 256 random bits, of which only the hash is kept.

A fast hash is right here: nobody can try 2^256 values, however fast. Passwords are another thing (passwords.py).
"""

import hashlib
import secrets

PREFIX = "aiops_"
"""By which a scanner of repositories can know one."""


def new_token() -> str:
    """A secret nobody can guess, in letters that fit a header, a cookie and an address."""
    return f"{PREFIX}{secrets.token_urlsafe(32)}"


def digest(secret: str) -> str:
    """What is kept of it, and what is looked for: SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def form_key(secret: str) -> str:
    """What forms carry that were made for the holder of this secret: another site cannot know it.

    One cannot get from it to the secret, so it may stand in a page.
    """
    return digest(f"form:{secret}")
