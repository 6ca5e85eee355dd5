"""Which errors of a database may pass, and which need a person."""

import contextlib
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from aiops_processor.errors import StorageBusy, StorageError

# Classes and codes of SQLSTATE (PostgreSQL's documentation, appendix A) that may pass: connection failures, rolled
# back to let another go on, out of resources, not available, cancelled or shut down by an operator, input or output.
PASSING = ("08", "40", "53", "55P03", "57", "58")
NOT_PASSING = ("57P04",)  # the database was dropped

REMEDIES = {
    "28": "check user and password in DATABASE_URL",
    "3D": "create the database, or correct its name in DATABASE_URL",
    "42501": "grant the user of DATABASE_URL the right to create tables and schemas",
}


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the drivers' errors into ours. What they say about a statement's values stays out of the message."""
    try:
        yield
    except (DBAPIError, OSError, PoolTimeout) as error:
        raise failure(error) from error


def failure(error: BaseException) -> StorageError:
    """An error of a driver as one of ours: StorageBusy where it may pass."""
    if may_pass(error):
        return StorageBusy(f"the database did not answer: {_first_line(error)}")
    return StorageError(f"the database refused: {_first_line(error)}{_remedy(error)}")


def may_pass(error: BaseException) -> bool:
    """By the error's code where there is one, else by its class."""
    if not isinstance(error, DBAPIError):
        return True  # no connection, no answer in time, no free connection in the pool
    code = _code(error)
    if code:
        return code.startswith(PASSING) and code not in NOT_PASSING
    if _is_internal(_driver_error(error)):
        return True  # a connection that broke in the middle of a statement, and was used before its end was noticed
    # asyncpg calls an address that it cannot read an error of the interface: that one comes back every time
    return isinstance(error, OperationalError | InterfaceError) and not isinstance(_driver_error(error), ValueError)


def _is_internal(error: BaseException | None) -> bool:
    import asyncpg  # noqa: PLC0415 - 3 MiB that a service on SQLite does without until something goes wrong

    return isinstance(error, asyncpg.InternalClientError)


def _code(error: BaseException) -> str:
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _driver_error(error: DBAPIError) -> BaseException | None:
    """SQLAlchemy wraps asyncpg's errors twice."""
    return error.orig.__cause__ if error.orig else None


def _remedy(error: BaseException) -> str:
    return next((f"; {remedy}" for start, remedy in REMEDIES.items() if _code(error).startswith(start)), "")


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).splitlines()[0][:200] if str(cause) else type(cause).__name__
