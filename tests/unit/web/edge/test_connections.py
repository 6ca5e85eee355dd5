"""Whom we hang up on, over a connection and a loop that a test moves on."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from uvicorn.server import ServerState

from aiops_processor.web.edge.connections import ANSWER_SECONDS, MOST_CONNECTIONS, MOST_REFUSED, MOST_WAITING, Patience

REQUEST = b"GET /login HTTP/1.1\r\nHost: aiops\r\n\r\n"


class Connection:
    """A transport. `left` is how much of our answers nobody has read yet."""

    def __init__(self) -> None:
        self.left = 0
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        return self.left

    def get_extra_info(self, name: str) -> None: ...

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None:
        """Done when all is read."""

    def abort(self) -> None:
        self.aborted = True


@dataclass(eq=False)
class Call:
    """What a loop is to call."""

    seconds: float
    function: Callable[[], None]
    loop: "Loop"

    def cancel(self) -> None:
        self.loop.calls.remove(self)


class Task:
    """It has begun, and never ends."""

    def add_done_callback(self, call: Callable[..., None]) -> None: ...


class Loop:
    """Calls what it was asked to when the test says that time has passed."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def call_later(self, seconds: float, function: Callable[[], None]) -> Call:
        self.calls.append(Call(seconds, function, self))
        return self.calls[-1]

    def pass_time(self, seconds: float) -> None:
        for call in [each for each in self.calls if each.seconds <= seconds]:
            self.calls.remove(call)
            call.function()

    def create_task(self, work: Coroutine[Any, Any, None]) -> Task:
        work.close()
        return Task()


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture
def asked(loop: Loop, connection: Connection) -> Patience:
    config = uvicorn.Config(FastAPI(), lifespan="off", log_config=None)
    config.load()
    made = Patience(config=config, server_state=ServerState(), app_state={}, _loop=loop)
    made.connection_made(connection)  # type: ignore[arg-type]
    made.data_received(REQUEST)
    return made


def test_past_all_that_are_answered_or_refused_nobody_is_let_in(connection: Connection) -> None:
    config = uvicorn.Config(FastAPI(), lifespan="off", log_config=None)
    state = ServerState()
    for number in range(MOST_CONNECTIONS + MOST_REFUSED + 1):
        last = Connection() if number < MOST_CONNECTIONS + MOST_REFUSED else connection
        Patience(config=config, server_state=state, app_state={}, _loop=Loop()).connection_made(last)  # type: ignore[arg-type]
        assert last.aborted is (last is connection)


def test_who_does_not_read_what_is_answered_is_hung_up_on(asked: Patience, loop: Loop, connection: Connection) -> None:
    connection.left = 70_000
    asked.pause_writing()
    loop.pass_time(ANSWER_SECONDS)
    assert connection.aborted


def test_who_leaves_the_end_of_an_answer_unread_is_hung_up_on_too(
    asked: Patience, loop: Loop, connection: Connection
) -> None:
    connection.left = 500
    asked.on_response_complete()
    connection.left = 1
    loop.pass_time(ANSWER_SECONDS)
    assert connection.aborted


def test_who_reads_steadily_is_waited_for_however_long_it_takes(
    asked: Patience, loop: Loop, connection: Connection
) -> None:
    connection.left = 200_000
    asked.pause_writing()
    for connection.left in range(185_000, -1, -15_000):
        loop.pass_time(ANSWER_SECONDS)
        asked.pause_writing()
    connection.left = 0
    loop.pass_time(ANSWER_SECONDS)
    assert not connection.aborted
    assert loop.calls == [], "nothing is looked at any more"


def test_who_reads_is_waited_for_although_as_much_is_left_as_before(
    asked: Patience, loop: Loop, connection: Connection
) -> None:
    """A long answer is written as it is read: there is always as much left as there is room for."""
    connection.left = 70_000
    asked.pause_writing()
    look = loop.calls[-1]
    connection.left = 10_000
    asked.resume_writing()
    assert look not in loop.calls
    connection.left = 70_000
    asked.pause_writing()
    loop.pass_time(ANSWER_SECONDS)
    assert connection.aborted, "who has stopped reading now"


def test_who_reads_an_answer_and_asks_again_is_not_measured_by_the_next_one(
    asked: Patience, loop: Loop, connection: Connection
) -> None:
    connection.left = 500
    asked.on_response_complete()
    assert asked.cycle is not None
    asked.cycle.response_complete = True
    connection.left = 0
    asked.data_received(REQUEST)
    connection.left = 70_000
    loop.pass_time(ANSWER_SECONDS)
    assert not connection.aborted


def test_who_asks_again_and_again_and_reads_nothing_is_hung_up_on(
    asked: Patience, loop: Loop, connection: Connection
) -> None:
    connection.left = 70_000
    asked.on_response_complete()
    asked.pause_writing()
    assert asked.cycle is not None
    asked.cycle.response_complete = True
    asked.data_received(REQUEST)
    loop.pass_time(ANSWER_SECONDS)
    assert connection.aborted


def test_of_requests_that_do_not_wait_for_an_answer_only_some_are_taken(
    asked: Patience, connection: Connection
) -> None:
    asked.data_received(REQUEST * MOST_WAITING)
    assert not connection.aborted
    asked.data_received(REQUEST * 1000)
    assert connection.aborted
    assert len(asked.pipeline) == MOST_WAITING


def test_who_is_being_answered_hears_of_the_end_although_others_wait_behind(asked: Patience) -> None:
    first = asked.cycle
    asked.data_received(REQUEST)
    assert asked.cycle is not first
    asked.connection_lost(ConnectionResetError())
    assert first.disconnected, "else it writes to a connection that is closed, which is an error with a traceback"
