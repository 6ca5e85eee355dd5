"""How we listen: what bounds strangers, and whose word is taken for where somebody is."""

import asyncio
import resource
from typing import Any

import pytest
from fastapi import FastAPI

from aiops_processor.cli.listening import MOST_FILES, make_room_for_files, options
from aiops_processor.web.edge.connections import MOST_CONNECTIONS, Patience


def test_connections_are_bounded_and_slow_ones_hung_up_on() -> None:
    made = options(FastAPI(), "127.0.0.1", 8000)
    assert made.limit_concurrency == MOST_CONNECTIONS
    assert made.http is Patience


def test_all_connections_leave_files_for_our_own_work() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MOST_FILES:
        pytest.skip("may open too few files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        make_room_for_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (MOST_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_FILES + 1, hard))
        make_room_for_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (MOST_FILES + 1, hard), "never less than there was"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("connection", "forwarded", "believed"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "127.0.0.1", "192.0.2.7"),
        ("192.0.2.7", "203.0.113.9", "192.0.2.7"),
        ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "127.0.0.1, 192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "203.0.113.9, 192.0.2.7", "192.0.2.7"),
    ],
)
def test_nobody_can_claim_to_be_elsewhere(
    monkeypatch: pytest.MonkeyPatch, connection: str, forwarded: str, believed: str
) -> None:
    """A stranger writes what he likes into the header; a proxy adds at its end whom it has it from."""
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])

    made = options(app, "127.0.0.1", 8000)  # type: ignore[arg-type]
    made.load()
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    scope = {"type": "http", "client": (connection, 4711), "scheme": "http", "headers": headers, "path": "/"}
    asyncio.run(made.loaded_app(scope, None, None))  # type: ignore[arg-type]
    assert seen == [believed]
