"""The application's own database: opening, transactions, and which errors may pass."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from aiops_processor.errors import StorageBusy, StorageError

Connection = AsyncConnection
"""What the queries of this package are given: a connection inside somebody's transaction."""

BUSY_TIMEOUT_MS = 5000
WRITES = "aiops_writes"


class Database:
    """One async engine on SQLite or PostgreSQL.

    `write()` takes SQLite's write lock at its beginning: a transaction that reads first and writes later fails at
    once when another writer came between. Within the process writers queue in order.
    """

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        self._engine = self._create()
        self._writing = self._engine.execution_options(**{WRITES: True})
        self._writer = asyncio.Lock()

    @property
    def sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A connection to read with. Raises StorageBusy or StorageError."""
        with translated():
            async with self._engine.connect() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """A transaction that is committed at the end of the block. Raises StorageBusy or StorageError."""
        with translated():
            async with self._turn(), self._writing.begin() as connection:
                yield connection

    async def ping(self) -> None:
        """Raise StorageBusy or StorageError unless the database answers."""
        async with self.read() as connection:
            await connection.execute(sa.select(1))

    async def close(self) -> None:
        await self._engine.dispose()

    def _turn(self) -> contextlib.AbstractAsyncContextManager[Any]:
        return self._writer if self.sqlite else contextlib.nullcontext()

    def _create(self) -> AsyncEngine:
        if not self.sqlite:
            return create_async_engine(self.url, pool_size=10, pool_pre_ping=True)
        engine = create_async_engine(
            self.url, poolclass=AsyncAdaptedQueuePool, pool_size=4, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}
        )
        sa.event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        sa.event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the drivers' errors into ours. What they say about a statement's values stays out of the message."""
    try:
        yield
    except (OperationalError, InterfaceError, OSError) as error:
        raise StorageBusy(f"the database did not answer: {_first_line(error)}") from error
    except DBAPIError as error:
        raise StorageError(f"the database refused: {_first_line(error)}") from error


def sqlite_url(folder: Path) -> str:
    """The address of the application's SQLite file in the data directory."""
    return f"sqlite+aiosqlite:///{folder / 'aiops.sqlite'}"


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """WAL lets readers go on while one writes; FULL makes a commit survive a power cut, which is what 200 promises."""
    connection.isolation_level = None  # the driver would begin transactions by itself, too late for BEGIN IMMEDIATE
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).splitlines()[0][:200] if str(cause) else type(cause).__name__
