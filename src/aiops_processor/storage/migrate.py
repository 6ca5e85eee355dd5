"""Bring the application's tables to the current shape, one process at a time."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from aiops_processor.errors import ConfigError, StorageError
from aiops_processor.storage.database import BUSY_TIMEOUT_MS

ADVISORY_LOCK = 7_203_317_442  # any number, as long as every version of ours takes the same


def migrate(url: sa.URL) -> tuple[str | None, str | None]:
    """Run what migrations are missing; returns the revisions before and after. Blocks: call it in a thread.

    Raises ConfigError where the place cannot be written, StorageError where a migration fails.
    """
    with _engine(url) as engine, _lock(engine, url), engine.connect() as connection:
        before = _revision(connection)
        if before != head():
            _upgrade(connection)
        return before, _revision(connection)


def head() -> str | None:
    """The newest revision that this version of the program knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _upgrade(connection: sa.Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
        connection.commit()
    except DBAPIError as error:
        raise StorageError(f"a migration failed: {error.orig}") from error


def _revision(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


@contextlib.contextmanager
def _engine(url: sa.URL) -> Iterator[sa.Engine]:
    """A blocking engine on the same database: alembic is not asynchronous."""
    sync_url = url.set(drivername="sqlite" if url.get_backend_name() == "sqlite" else "postgresql+psycopg")
    arguments = {"timeout": BUSY_TIMEOUT_MS / 1000} if sync_url.drivername == "sqlite" else {}
    engine = sa.create_engine(sync_url, connect_args=arguments, poolclass=sa.NullPool)
    try:
        yield engine
    finally:
        engine.dispose()


@contextlib.contextmanager
def _lock(engine: sa.Engine, url: sa.URL) -> Iterator[None]:
    """Two processes that start together must not both migrate."""
    if url.get_backend_name() == "sqlite":
        with _file_lock(Path(f"{url.database}.migrate-lock")):
            yield
        return
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(ADVISORY_LOCK)))
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(ADVISORY_LOCK)))


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
