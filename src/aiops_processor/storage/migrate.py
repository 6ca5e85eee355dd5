"""Bring the application's tables to the current shape, one process at a time."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from aiops_processor.errors import ConfigError
from aiops_processor.storage.address import is_sqlite
from aiops_processor.storage.database import BUSY_TIMEOUT_MS, CONNECT_SECONDS, Turn
from aiops_processor.storage.failures import translated

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(url: sa.URL) -> tuple[str | None, str | None]:
    """Run what migrations are missing; returns the revisions before and after. Blocks: call it in a thread.

    Raises ConfigError where the place cannot be written, StorageBusy where the database does not answer, StorageError
    where a migration fails.
    """
    with translated(), _engine(url) as engine, _turn(engine, url), engine.connect() as connection:
        before = _revision(connection)
        if before != head():
            _upgrade(connection)
        return before, _revision(connection)


def head() -> str:
    """The newest revision that this version of the program knows: files are named `<revision>_<what>.py`."""
    return max(path.name for path in (MIGRATIONS / "versions").glob("*.py")).partition("_")[0]


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command  # noqa: PLC0415 - 9 MiB that a service whose tables are up to date does without
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()


def _revision(connection: sa.Connection) -> str | None:
    """What alembic wrote down; None in an empty database."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


@contextlib.contextmanager
def _engine(url: sa.URL) -> Iterator[sa.Engine]:
    """A blocking engine on the same database: alembic is not asynchronous."""
    if is_sqlite(url):
        driver, arguments = "sqlite", {"timeout": BUSY_TIMEOUT_MS / 1000}
    else:
        driver, arguments = "postgresql+psycopg", {"connect_timeout": CONNECT_SECONDS}
    engine = sa.create_engine(url.set(drivername=driver), connect_args=arguments, poolclass=sa.NullPool)
    if is_sqlite(url):
        sa.event.listen(engine, "connect", _let_it_shrink)
    try:
        yield engine
    finally:
        engine.dispose()


def _let_it_shrink(connection: Any, _record: Any) -> None:
    """It must be said before the first table."""
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")


@contextlib.contextmanager
def _turn(engine: sa.Engine, url: sa.URL) -> Iterator[None]:
    """Two processes that start together must not both migrate."""
    if is_sqlite(url):
        with _file_lock(Path(f"{url.database}.migrate-lock")):
            yield
        return
    with engine.connect() as connection:  # let go of with the connection, however the process ends
        connection.execute(sa.select(sa.func.pg_advisory_lock(int(Turn.MIGRATING))))
        yield


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise ConfigError(
            f"AIOPS_DATA_DIR: {path.parent} cannot be written ({error.strerror}); name a folder that can"
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
