"""The application's own database: opening, transactions, and who waits for whom."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from enum import IntEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from aiops_processor.storage.address import as_text, is_sqlite, sqlite_url
from aiops_processor.storage.failures import translated

__all__ = ["Connection", "Database", "Turn", "sqlite_url"]

Connection = AsyncConnection
"""What the queries of this package are given: a connection inside somebody's transaction."""

BUSY_TIMEOUT_MS = 5000
CONNECT_SECONDS = 5
COMMAND_SECONDS = 15
POOL_SIZE = 8
MOST_JOURNAL_BYTES = 64 * 1024 * 1024  # of the write-ahead log after a storm; it is emptied, not cut, without this
WRITES = "aiops_writes"

# WAL lets readers go on while one writes; FULL makes a commit survive a power cut, which is what 200 promises. Pages
# are copied back every 32 MB instead of every 4, which in a storm saves a third of what writing costs.
SQLITE_PRAGMAS = (
    "auto_vacuum=INCREMENTAL",  # must be said before the first table; else the disk never gets back what is deleted
    "journal_mode=WAL",
    f"journal_size_limit={MOST_JOURNAL_BYTES}",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "wal_autocheckpoint=8000",
    "cache_size=-8000",
)

# A process that was frozen in the middle of a transaction must not hold up the fleet: the server ends its session.
POSTGRESQL_SETTINGS = {
    "application_name": "aiops-processor",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
}


class Turn(IntEnum):
    """What only one process does at a time: the numbers of PostgreSQL's advisory locks, fixed for ever."""

    MIGRATING = 7_203_317_442
    RECEIVING = 7_203_317_443
    GROUPING = 7_203_317_444
    REAPING = 7_203_317_445
    WATCHING = 7_203_317_446
    RECONSTRUCTING = 7_203_317_447
    CLEANING = 7_203_317_448
    PACING = 7_203_317_449


class Database:
    """One async engine on SQLite or PostgreSQL.

    On SQLite writers queue, within the process and at the file, and whoever receives goes first. On PostgreSQL they run
    side by side; those that must not name the same `Turn`.
    """

    def __init__(self, url: str | sa.URL) -> None:
        self.url = sa.make_url(url)
        self.sqlite = is_sqlite(self.url)
        self._engine = _sqlite_engine(self.url) if self.sqlite else _postgresql_engine(self.url)
        self._writing = self._engine.execution_options(**{WRITES: True})
        self._writer = asyncio.Lock()
        self._receivers = 0

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A connection to read with. Raises StorageBusy or StorageError."""
        with translated():
            async with self._engine.connect() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def write(self, turn: Turn | None = None) -> AsyncIterator[Connection]:
        """A transaction that is committed at the end of the block. Raises StorageBusy or StorageError."""
        with translated():
            async with self._queue(turn), self._writing.begin() as connection:
                if turn is not None and not self.sqlite:
                    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(int(turn))))
                yield connection

    async def ping(self) -> None:
        """Raise StorageBusy or StorageError unless the database answers."""
        async with self.read() as connection:
            await connection.execute(sa.select(1))

    async def shrink(self, pages: int) -> int:
        """On SQLite give so many free pages back to the disk; returns how many are left. 0 on PostgreSQL."""
        if not self.sqlite:
            return 0
        with translated():
            async with self._queue(None), self._engine.connect() as connection:
                # outside of a transaction, and read to its end: each row that is fetched frees one page
                raw: Any = (await connection.get_raw_connection()).driver_connection
                await raw.execute_fetchall(f"PRAGMA incremental_vacuum({pages})")
                return next(iter(await raw.execute_fetchall("PRAGMA freelist_count")))[0]

    async def close(self) -> None:
        await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def _queue(self, turn: Turn | None) -> AsyncIterator[None]:
        """A post waits for the transaction that runs and for no other: its sender wants an answer."""
        if not self.sqlite:
            yield
            return
        if turn is Turn.RECEIVING:
            self._receivers += 1
            try:
                await self._writer.acquire()
            finally:
                self._receivers -= 1
        else:
            await self._writer.acquire()
            while self._receivers:
                self._writer.release()
                await asyncio.sleep(0)
                await self._writer.acquire()
        try:
            yield
        finally:
            self._writer.release()


def _postgresql_engine(url: sa.URL) -> AsyncEngine:
    import asyncpg  # noqa: PLC0415 - 3 MiB that a service on SQLite does without

    address = as_text(url)

    async def connect() -> Any:  # the address goes to the driver as it was written, `sslmode` and all
        return await asyncpg.connect(
            address, timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS, server_settings=POSTGRESQL_SETTINGS
        )

    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, pool_size=POOL_SIZE, pool_timeout=5, pool_pre_ping=True
    )


def _sqlite_engine(url: sa.URL) -> AsyncEngine:
    """Its writing transactions take the write lock at their beginning.

    One that reads first and writes later fails at once when another writer came between.
    """
    engine = create_async_engine(
        url, poolclass=AsyncAdaptedQueuePool, pool_size=4, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}
    )
    sa.event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    sa.event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions by itself, too late for BEGIN IMMEDIATE
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
