"""The application's own database: opening, transactions, and who waits for whom."""

import contextlib
from collections.abc import AsyncIterator
from enum import IntEnum
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from aiops_processor.storage.address import as_text, is_sqlite, sqlite_url
from aiops_processor.storage.connection import Connection, Transaction
from aiops_processor.storage.failures import translated
from aiops_processor.storage.sqlite import BUSY_TIMEOUT_MS, Sqlite

__all__ = ["BUSY_TIMEOUT_MS", "Connection", "Database", "Transaction", "Turn", "sqlite_url"]

T = TypeVar("T")

CONNECT_SECONDS = 5
COMMAND_SECONDS = 15
POOL_SIZE = 8

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
    """SQLite or PostgreSQL.

    On SQLite writers queue, within the process and at the file, and whoever receives goes first. On PostgreSQL they run
    side by side; those that must not name the same `Turn`.
    """

    def __init__(self, url: str | sa.URL) -> None:
        self.url = sa.make_url(url)
        self.sqlite = is_sqlite(self.url)
        self._store = Sqlite(self.url) if self.sqlite else _Postgresql(self.url)

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A connection to read with. Raises StorageBusy or StorageError."""
        with translated():
            async with self._store.read() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def write(self, turn: Turn | None = None) -> AsyncIterator[Connection]:
        """A transaction that is committed at the end of the block. Raises StorageBusy or StorageError."""
        with translated():
            if isinstance(self._store, Sqlite):
                async with self._store.write(hurried=turn is Turn.RECEIVING) as connection:
                    yield connection
            else:
                async with self._store.write(turn) as connection:
                    yield connection

    async def run(self, transaction: Transaction[T], turn: Turn | None = None) -> T:
        """The same for what is done often, or in many statements: on SQLite it runs in one piece in a thread.

        So the transaction waits for nothing but its connection.
        """
        if isinstance(self._store, Sqlite):
            with translated():
                return await self._store.run(transaction, hurried=turn is Turn.RECEIVING)
        async with self.write(turn) as connection:
            return await transaction(connection)

    async def ping(self) -> None:
        """Raise StorageBusy or StorageError unless the database answers."""
        async with self.read() as connection:
            await connection.execute(sa.select(1))

    async def shrink(self, pages: int) -> int:
        """On SQLite give so many free pages back to the disk; returns how many are left. 0 on PostgreSQL."""
        if not isinstance(self._store, Sqlite):
            return 0
        with translated():
            return await self._store.shrink(pages)

    async def close(self) -> None:
        await self._store.close()


class _Postgresql:
    def __init__(self, url: sa.URL) -> None:
        self._engine = _engine(url)

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        async with self._engine.connect() as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def write(self, turn: Turn | None) -> AsyncIterator[Connection]:
        async with self._engine.begin() as connection:
            if turn is not None:
                await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(int(turn))))
            yield connection

    async def close(self) -> None:
        await self._engine.dispose()


def _engine(url: sa.URL) -> AsyncEngine:
    import asyncpg  # noqa: PLC0415 - 3 MiB that a service on SQLite does without

    address = as_text(url)

    async def connect() -> Any:  # the address goes to the driver as it was written, `sslmode` and all
        return await asyncpg.connect(
            address, timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS, server_settings=POSTGRESQL_SETTINGS
        )

    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, pool_size=POOL_SIZE, pool_timeout=5, pool_pre_ping=True
    )
