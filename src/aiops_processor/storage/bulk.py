"""Many rows, or many values, in one statement. SQLAlchemy's own way costs several times what the database takes."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from aiops_processor.storage.connection import Connection
from aiops_processor.storage.tables import Text, UtcDateTime

# SQLite's driver lets go of the interpreter for each statement, and where the event loop is busy it waits up to 5 ms to
# get it back: row by row a storm would stand still.
ROWS_A_STATEMENT = 50

Convert = Callable[[Any], Any]


async def insert(
    connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], on_conflict: str = ""
) -> None:
    """Insert rows, which all have the same columns. `on_conflict` is the clause of that name, as SQL.

    Raises what the driver raises, wrapped by SQLAlchemy.
    """
    if not rows:
        return
    dialect = connection.dialect
    names = tuple(rows[0])
    into = f"INSERT INTO {table.name} ({', '.join(names)})"
    columns = [_converted(table.c[name].type, [row[name] for row in rows], dialect) for name in names]
    if dialect.name == "sqlite":
        empty = [not any(value is not None for value in column) for column in columns]
        one = f"({', '.join('NULL' if nothing else '?' for nothing in empty)})"
        given = [column for column, nothing in zip(columns, empty, strict=True) if not nothing]
        for some in _pieces(list(zip(*given, strict=True)), ROWS_A_STATEMENT):
            values = ", ".join([one] * len(some))
            await connection.exec_driver_sql(f"{into} VALUES {values} {on_conflict}", tuple(chain.from_iterable(some)))
        return
    arrays = ", ".join(f"${place}::{_array(table.c[name], dialect)}" for place, name in enumerate(names, 1))
    unnested = f"{into} SELECT * FROM unnest({arrays}) {on_conflict}"  # noqa: S608 - names of our own tables
    await connection.exec_driver_sql(unnested, tuple(columns))


def among(
    connection: Connection, column: sa.Column[Any], values: Collection[str] | Collection[int]
) -> sa.ColumnElement[bool]:
    """Whether the column is one of the values, which are one parameter however many they are."""
    dialect = connection.dialect.name
    return among_listed(dialect, column, sa.literal(listed(dialect, values), _listed_type(dialect, column)))


def among_listed(dialect: str, column: sa.Column[Any], values: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """The same for a statement that is kept: `values` is the parameter that gets what `listed` makes."""
    if dialect == "sqlite":
        each = sa.func.json_each(values).table_valued("value")
        return column.in_(sa.select(each.c.value))
    return column == sa.func.any(sa.cast(values, _listed_type(dialect, column)))


def listed(dialect: str, values: Collection[str] | Collection[int]) -> Any:
    """The values as one parameter."""
    return msgspec.json.encode(list(values)).decode() if dialect == "sqlite" else list(values)


def _listed_type(dialect: str, column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    if dialect == "sqlite":
        return sa.Text()
    return ARRAY(sa.BigInteger if isinstance(column.type, sa.Integer) else sa.Text)


def _pieces(rows: Sequence[tuple[Any, ...]], size: int) -> Iterator[Sequence[tuple[Any, ...]]]:
    return (rows[first : first + size] for first in range(0, len(rows), size))


def _converted(kind: sa.types.TypeEngine[Any], values: list[Any], dialect: Dialect) -> list[Any]:
    """The values as the driver wants them: SQLite's is slow with whatever is not exactly text or a number."""
    if isinstance(kind, UtcDateTime) and dialect.name == "sqlite":
        return list(map(_sqlite_time, values))
    if isinstance(kind, sa.Boolean) and dialect.name == "sqlite":
        return list(map(int, values))
    if isinstance(kind, Text):  # most rows of a column say the same
        known = {value: kind.process_bind_param(value, dialect) for value in set(values)}
        return [known[value] for value in values]
    if isinstance(kind, TypeDecorator):
        convert = kind.process_bind_param
        return [convert(value, dialect) for value in values]
    return values


@lru_cache(maxsize=256)
def _sqlite_time(value: datetime | None) -> str | None:
    """As SQLAlchemy writes and reads it. The times of one post are few."""
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _array(column: sa.Column[Any], dialect: Dialect) -> str:
    return f"{column.type.compile(dialect)}[]"
