"""What of uvicorn's words gets into the log."""

import logging

from aiops_processor.web.edge.noise import QUIET_SECONDS, Seldom


def record(message: str, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("uvicorn.error", level, "", 0, message, (), None)


def test_a_stranger_cannot_fill_the_log_with_one_message() -> None:
    now = [1000.0]
    seldom = Seldom(lambda: now[0])
    assert [seldom.filter(record("Invalid HTTP request received.")) for _ in range(3)] == [True, False, False]
    assert seldom.filter(record("Exceeded concurrency limit.")), "another message is news"
    now[0] += QUIET_SECONDS
    assert seldom.filter(record("Invalid HTTP request received."))


def test_an_error_is_written_every_time() -> None:
    seldom = Seldom(lambda: 0.0)
    assert all(seldom.filter(record("Exception in ASGI application", logging.ERROR)) for _ in range(3))
