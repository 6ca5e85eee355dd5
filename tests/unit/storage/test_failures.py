"""Which errors of a database may pass."""

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from aiops_processor.errors import StorageBusy, StorageError
from aiops_processor.storage.failures import failure, translated


class FromServer(Exception):
    """What a driver raises for an answer of PostgreSQL."""

    def __init__(self, code: str) -> None:
        super().__init__(f"something about {code}\nDETAIL: hunter2")
        self.sqlstate = code


def wrapped(code: str) -> DBAPIError:
    return DBAPIError("INSERT …", {}, FromServer(code))


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("08006", "connection failure"),
        ("40001", "serialization failure"),
        ("40P01", "deadlock"),
        ("53100", "disk full"),
        ("53300", "too many connections"),
        ("55P03", "lock not available"),
        ("57014", "cancelled by the operator"),
        ("57P01", "server shuts down"),
        ("57P03", "server is starting"),
        ("58030", "input or output"),
    ],
)
def test_what_may_pass_is_busy(code: str, what: str) -> None:
    assert isinstance(failure(wrapped(code)), StorageBusy), what


@pytest.mark.parametrize(
    ("code", "what"),
    [("22021", "a character that it refuses"), ("23505", "unique"), ("42703", "no such column"), ("57P04", "dropped")],
)
def test_what_comes_back_every_time_is_not(code: str, what: str) -> None:
    assert not isinstance(failure(wrapped(code)), StorageBusy), what


@pytest.mark.parametrize("error", [ConnectionRefusedError("refused"), TimeoutError(), PoolTimeout("no connection")])
def test_no_answer_may_pass(error: Exception) -> None:
    with pytest.raises(StorageBusy, match="the database did not answer"), translated():
        raise error


def test_a_connection_that_is_gone_may_pass_but_an_address_that_cannot_be_read_never_does() -> None:
    def through_adapter(cause: Exception) -> InterfaceError:
        adapted = Exception(str(cause))
        adapted.__cause__ = cause
        return InterfaceError("INSERT …", {}, adapted)

    assert isinstance(failure(through_adapter(asyncpg.InterfaceError("connection is closed"))), StorageBusy)
    breaking = asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")
    assert isinstance(failure(through_adapter(breaking)), StorageBusy)
    unreadable = asyncpg.exceptions.ClientConfigurationError("`sslmode` parameter must be one of: …")
    assert not isinstance(failure(through_adapter(unreadable)), StorageBusy)


@pytest.mark.parametrize(
    ("code", "remedy"), [("28P01", "user and password"), ("3D000", "create the database"), ("42501", "grant")]
)
def test_what_a_person_can_mend_has_its_remedy(code: str, remedy: str) -> None:
    error = failure(wrapped(code))
    assert isinstance(error, StorageError)
    assert remedy in str(error)
    assert "hunter2" not in str(error)
