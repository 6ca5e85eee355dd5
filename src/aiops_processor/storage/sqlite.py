"""SQLite for an asynchronous program: statements run in threads, and writers that wait share a commit."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import QueuePool

from aiops_processor.storage.connection import Connection, Transaction

T = TypeVar("T")
Rows = sa.CursorResult[*tuple[Any, ...]]

BUSY_TIMEOUT_MS = 5000
READERS = 4
READING_AT_ONCE = READERS + 10
"""Who reads may read beside that: one place for each at work would let them wait for each other."""
PLACE_SECONDS = 5
PATIENT_SECONDS = 0.5
"""So long those who are hurried may go before one who is not: under fire they would for ever."""
MOST_JOURNAL_BYTES = 64 * 1024 * 1024  # of the write-ahead log after a storm; it is emptied, not cut, without this
WRITES = "aiops_writes"

# WAL lets readers go on while one writes; FULL makes a commit survive a power cut, which is what 200 promises. Pages
# are copied back every 32 MB instead of every 4, which in a storm saves a third of what writing costs.
PRAGMAS = (
    "auto_vacuum=INCREMENTAL",  # must be said before the first table; else the disk never gets back what is deleted
    "journal_mode=WAL",
    f"journal_size_limit={MOST_JOURNAL_BYTES}",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "wal_autocheckpoint=8000",
    "cache_size=-8000",
    "temp_store=MEMORY",
)


class Sqlite:
    """One file. Readers run beside each other and beside the one who writes; writers queue.

    A commit waits for the disk, much longer than what is written takes. So whoever has written lets those write who
    wait already, into the same transaction, before it commits for all of them; each returns after that commit.
    """

    def __init__(self, url: sa.URL, place_seconds: float = PLACE_SECONDS) -> None:
        self._engine = _engine(url)
        self._place_seconds = place_seconds
        self._writing = self._engine.execution_options(**{WRITES: True})
        self._places = asyncio.Semaphore(READING_AT_ONCE)
        self._readers = ThreadPoolExecutor(READERS, "sqlite-read")
        self._writer = ThreadPoolExecutor(1, "sqlite-write")
        self._turn = asyncio.Lock()
        self._hurried = 0
        self._shared: _Shared | None = None
        self._commits: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A connection to read with. Raises TimeoutError where none comes free."""
        async with asyncio.timeout(self._place_seconds):
            await self._places.acquire()
        try:
            connection = _Threaded(self._engine, self._readers)
            try:
                yield connection
            finally:
                await connection.close()
        finally:
            self._places.release()

    @contextlib.asynccontextmanager
    async def write(self, *, hurried: bool = False) -> AsyncIterator[Connection]:
        """A transaction, committed at the end of the block.

        Who is `hurried` waits for the block that runs, for those who have waited long, and for no other; it commits at
        once.
        """
        async with self._sharing(hurried=hurried) as shared, shared.part():
            yield shared.connection

    async def run(self, transaction: Transaction[T], *, hurried: bool = False) -> T:
        """The whole transaction in the thread that writes: it may wait for nothing but its connection."""
        if not hurried:
            async with self._sharing(hurried=False) as shared:
                return await shared.run(transaction)
        async with self._my_turn(hurried=True):
            if self._shared is None or self._shared.ended:  # nobody else's part waits: its commit goes with the trip
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._writer, _committed, self._writing, transaction)
            result = await self._shared.run(transaction)
            await self._shared.end()
            return result

    async def shrink(self, pages: int) -> int:
        """Give so many free pages back to the disk; returns how many are left."""
        async with self._my_turn(hurried=False):
            await self._commit_what_is_open()  # it cannot be done inside of a transaction
            connection = _Threaded(self._engine, self._writer)
            try:
                return await connection.call(_shrink, pages)
            finally:
                await connection.close()

    async def close(self) -> None:
        async with self._my_turn(hurried=False):
            await self._commit_what_is_open()
        await asyncio.get_running_loop().run_in_executor(self._writer, self._engine.dispose)
        self._writer.shutdown(wait=False)
        self._readers.shutdown(wait=False)

    @contextlib.asynccontextmanager
    async def _sharing(self, *, hurried: bool) -> AsyncIterator["_Shared"]:
        """The transaction in which the block is the only one to write now; committed after it."""
        async with self._my_turn(hurried=hurried):
            shared = self._open()
            yield shared
            if hurried:
                await shared.end()
        if not hurried:
            commit = asyncio.create_task(self._commit_in_turn(shared))
            self._commits.add(commit)  # it goes on when its caller is cancelled: others may have a part in it
            commit.add_done_callback(self._commits.discard)
            await asyncio.shield(commit)

    @contextlib.asynccontextmanager
    async def _my_turn(self, *, hurried: bool) -> AsyncIterator[None]:
        patient_until = time.monotonic() + PATIENT_SECONDS
        self._hurried += hurried
        try:
            await self._turn.acquire()
        finally:
            self._hurried -= hurried
        while self._hurried and not hurried and time.monotonic() < patient_until:
            self._turn.release()
            await asyncio.sleep(0)
            await self._turn.acquire()
        try:
            yield
        finally:
            self._turn.release()

    def _open(self) -> "_Shared":
        if self._shared is None or self._shared.ended:
            self._shared = _Shared(_Threaded(self._writing, self._writer))
        return self._shared

    async def _commit_in_turn(self, shared: "_Shared") -> None:
        """Those who wait already write first; the first who comes again commits for all."""
        if not shared.ended:
            async with self._my_turn(hurried=False):
                await shared.end()
        await shared.end()

    async def _commit_what_is_open(self) -> None:
        if self._shared is not None and not self._shared.ended:
            await self._shared.end()


class _Shared:
    """A transaction that several writers have a part in."""

    def __init__(self, connection: "_Threaded") -> None:
        self.connection = connection
        self._parts = 0
        self._end: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        return self._end is not None

    @contextlib.asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """What fails in the block is undone; what others wrote before stays."""
        async with self._undone_where_it_fails() as part:
            await self.connection.call(part.begin, self._parts)
            yield

    async def run(self, transaction: Transaction[T]) -> T:
        """A part that is one trip to the thread."""
        async with self._undone_where_it_fails() as part:
            return await self.connection.call(part.run, self._parts, transaction)

    async def end(self) -> None:
        """Commit what all wrote, once. Raises why none of it was, to everybody who asks."""
        if self._end is None:
            self._end = asyncio.ensure_future(self.connection.commit_and_close())
        await asyncio.shield(self._end)  # it goes on when one of them is cancelled

    @contextlib.asynccontextmanager
    async def _undone_where_it_fails(self) -> AsyncIterator["_Part"]:
        part = _Part()
        try:
            yield part
        except BaseException:  # cancelled too: raised again, when it is undone
            # a task of its own: who is cancelled again would leave half a part for others to commit
            await asyncio.shield(asyncio.ensure_future(self._undo(part)))
            raise
        self._parts += 1

    async def _undo(self, part: "_Part") -> None:
        if not self._parts:
            self._end = asyncio.ensure_future(self.connection.close())
            await asyncio.shield(self._end)  # before the next one begins: this one has the file's lock
            return
        try:
            await self.connection.call(part.undo)
        except sa.exc.DBAPIError as gone:  # a full disk ends the whole transaction, the parts of others with it
            self._end = asyncio.get_running_loop().create_future()
            self._end.set_exception(gone)
            await self.connection.close()


class _Part:
    """What one of several writers does. Its caller may be cancelled before the thread has begun it."""

    def __init__(self) -> None:
        self._savepoint: sa.NestedTransaction | None = None

    def begin(self, connection: sa.Connection, before: int) -> None:
        """A savepoint makes SQLite copy each page before it changes it: the first part does without."""
        if not before:
            connection.begin()
            return
        last = connection.get_nested_transaction()
        if last is not None:
            last.commit()  # so that what fails now cannot undo it
        self._savepoint = connection.begin_nested()

    def run(self, connection: sa.Connection, before: int, transaction: Transaction[T]) -> T:
        self.begin(connection, before)
        return _to_its_end(connection, transaction)

    def undo(self, _: sa.Connection) -> None:
        if self._savepoint is not None:
            self._savepoint.rollback()


class _Threaded:
    """A blocking connection in the shape of an asynchronous one: a statement is one trip to a thread.

    It is opened by the first of them. aiosqlite makes four trips a statement, and where the processor is busy each of
    them waits.
    """

    def __init__(self, engine: sa.Engine, threads: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._threads = threads
        self._opened: sa.Connection | None = None
        self._busy = threading.Lock()  # a trip whose caller was cancelled goes on, and must be alone

    @property
    def dialect(self) -> Dialect:
        return self._engine.dialect

    async def execute(self, statement: sa.Executable, parameters: Any = None, /) -> Rows:
        return await self.call(_execute, statement, parameters)

    async def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> Rows:
        return await self.call(_execute_as_it_is, statement, parameters)

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """What the function makes of the blocking connection and the arguments."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._alone, function, arguments)

    async def commit_and_close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._commit_and_close)

    async def close(self) -> None:
        """Undo what is not committed."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._close)

    def _alone(self, function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        with self._busy:
            if self._opened is None:
                self._opened = self._engine.connect()
            return function(self._opened, *arguments)

    def _commit_and_close(self) -> None:
        try:
            self._alone(sa.Connection.commit, ())
        finally:
            self._close()

    def _close(self) -> None:
        with self._busy:
            if self._opened is not None:
                self._opened.close()


class _Here:
    """A blocking connection in the shape of an asynchronous one, for who is in its thread already."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    async def execute(self, statement: sa.Executable, parameters: Any = None, /) -> Rows:
        return cast("Rows", self._connection.execute(statement, parameters))

    async def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> Rows:
        return self._connection.exec_driver_sql(statement, parameters)


def _committed(engine: sa.Engine, transaction: Transaction[T]) -> T:
    """Committed or undone in one trip, whatever becomes of who asked for it."""
    with engine.begin() as connection:
        return _to_its_end(connection, transaction)


def _to_its_end(connection: sa.Connection, transaction: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine that never really waits."""
    coroutine = transaction(_Here(connection))
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise RuntimeError("a transaction that runs in one piece waits for something besides its connection")


def _execute(connection: sa.Connection, statement: sa.Executable, parameters: Any) -> Rows:
    return _read(cast("Rows", connection.execute(statement, parameters)))


def _execute_as_it_is(connection: sa.Connection, statement: str, parameters: Any) -> Rows:
    return _read(connection.exec_driver_sql(statement, parameters))


def _read(result: Rows) -> Rows:
    """With its rows in memory, so that nobody goes to the file for them outside of the thread."""
    return cast("Rows", result.freeze()()) if result.returns_rows else result


def _shrink(connection: sa.Connection, pages: int) -> int:
    raw: Any = connection.connection.driver_connection  # outside of a transaction
    raw.execute(f"PRAGMA incremental_vacuum({pages})").fetchall()  # each row that is fetched frees one page
    return raw.execute("PRAGMA freelist_count").fetchone()[0]


def _engine(url: sa.URL) -> sa.Engine:
    """Its writing transactions take the write lock at their beginning.

    One that reads first and writes later fails at once when another writer came between.
    """
    engine = sa.create_engine(
        url,
        poolclass=QueuePool,
        pool_size=READERS + 1,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions by itself, too late for BEGIN IMMEDIATE
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
