"""DBOS's connections to PostgreSQL: they wait for a server that is away, however that is said, and not much longer."""

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import Dialect, ExceptionContext

from aiops_processor.errors import StorageBusy

NAME = "aiops-processor-workflows"
CONNECT_SECONDS = 10
CHECKOUT_SECONDS = 30
AWAY_SECONDS = 300
LOOK_SECONDS = 0.5


def connections(url: sa.URL, pool_size: int, closing: threading.Event) -> sa.Engine:
    """An engine for DBOS to use as it is; whoever makes it disposes of it. When `closing` is set nothing is waited for:
    a connection that cannot be had is StorageBusy then.

    DBOS waits by itself where a connection is lost, but twice as long each time, up to a minute and a half: what was
    under way would stand still long after the server is back. So a new connection waits, too.
    """
    made = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CHECKOUT_SECONDS,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": NAME},
    )
    sa.event.listen(made, "do_connect", _patient(closing))
    sa.event.listen(made, "connect", _limit_idle)
    sa.event.listen(made, "handle_error", _tell_that_it_is_away)
    return made


def _patient(closing: threading.Event) -> Callable[..., Any]:
    def connect(dialect: Dialect, _record: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
        until = time.monotonic() + AWAY_SECONDS
        while True:
            try:
                return dialect.connect(*arguments, **named)
            except psycopg.OperationalError as error:
                if closing.wait(LOOK_SECONDS):  # not an error of the driver: DBOS would wait on, in every thread
                    raise StorageBusy("the database is away, and this process ends") from error
                if time.monotonic() > until:
                    raise

    return connect


def _limit_idle(connection: psycopg.Connection, _record: Any) -> None:
    """A process that was frozen in the middle of a transaction must not hold up the fleet: its session is ended."""
    connection.execute("SET idle_in_transaction_session_timeout = '60s'")
    connection.commit()  # else the pool rolls it back


def _tell_that_it_is_away(context: ExceptionContext) -> None:
    """DBOS waits where a connection was lost, or by the words `connection failed`.

    A server that refuses at once, as behind a socket file, is `connection is bad` to the driver: without this a
    restart would fail the analysis that was under way.
    """
    if context.connection is None and isinstance(context.original_exception, psycopg.OperationalError):
        context.is_disconnect = True
