"""Where the database is: SQLite files in the data directory, or a PostgreSQL server."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from aiops_processor.errors import ConfigError

EXAMPLE = "postgresql://user:password@host:5432/aiops"


def postgresql_url(text: str) -> sa.URL:
    """A DATABASE_URL as people and platforms write it (`postgres://`, `postgresql+driver://`), in one form.

    Raises ConfigError, without repeating the address: it may hold a password.
    """
    try:
        url = sa.make_url(text.strip())
    except (ArgumentError, ValueError):
        raise ConfigError(f"DATABASE_URL is not an address; expected {EXAMPLE}") from None
    if url.drivername.partition("+")[0] not in {"postgresql", "postgres"}:
        raise ConfigError(
            f"DATABASE_URL: {url.drivername} is not supported; expected {EXAMPLE}, or nothing for SQLite in "
            "AIOPS_DATA_DIR"
        )
    if not url.database:
        raise ConfigError(f"DATABASE_URL names no database; expected {EXAMPLE}")
    return url.set(drivername="postgresql")


def sqlite_url(folder: Path) -> str:
    """The address of the application's SQLite file in the data directory."""
    return f"sqlite:///{folder / 'aiops.sqlite'}"


def workflows_url(url: sa.URL) -> sa.URL:
    """Where the workflow engine keeps its tables: a SQLite file beside ours, or a schema in the same PostgreSQL.

    Not the same file: a shared one raised the slowest answers to a webhook from 20 ms to 1 s.
    """
    if is_sqlite(url):
        return sa.URL.create("sqlite", database=str(Path(url.database or "").with_name("workflows.sqlite")))
    return url


def is_sqlite(url: sa.URL) -> bool:
    return url.get_backend_name() == "sqlite"


def as_text(url: sa.URL) -> str:
    """The whole address, password included: for a driver, never for a message."""
    return url.render_as_string(hide_password=False)


def shown(url: sa.URL) -> str:
    """The address for people: a file, or the server and the database without who we are there."""
    if is_sqlite(url):
        return url.database or ""
    host = url.host or url.query.get("host", "local")
    return f"{url.database} on {host}{f':{url.port}' if url.port else ''}"
