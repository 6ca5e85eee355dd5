"""Many rows, or many values, in one statement. SQLAlchemy's own way costs several times what the database takes."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
from aiops_processor.storage.tables import Key, Text, UtcDateTime, storable_key

# SQLite's driver lets go of the interpreter for each statement, and where the event loop is busy it waits up to 5 ms to
# get it back: row by row a storm would stand still.
ROWS_A_STATEMENT = 50


async def insert(
    connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], on_conflict: str = ""
) -> None:
    """Insert rows, which all have the same columns. `on_conflict` is the clause of that name, as SQL.

    Raises what the driver raises, wrapped by SQLAlchemy.
    """
    if rows:
        await insert_columns(connection, table, {name: [row[name] for row in rows] for name in rows[0]}, on_conflict)


async def insert_columns(
    connection: Connection, table: sa.Table, columns: Mapping[str, Sequence[Any]], on_conflict: str = ""
) -> None:
    """The same for rows that are given as columns, at least one. What all rows say alike is sent once."""
    dialect = connection.dialect
    given = {name: _converted(table.c[name].type, values, dialect) for name, values in columns.items()}
    own = {name: values for name, values in given.items() if not _alike(values)} or given
    alike = [values[0] for name, values in given.items() if name not in own]
    into = f"INSERT INTO {table.name} ({', '.join(given)})"
    if dialect.name != "sqlite":
        rows = _unnested({name: table.c[name].type.compile(dialect) for name in given}, own)
        await connection.exec_driver_sql(f"{into} {rows} {on_conflict}", (*alike, *own.values()))
        return
    for some in _pieces(list(zip(*own.values(), strict=True)), ROWS_A_STATEMENT):
        rows = _listed_rows(given, own, len(some))
        await connection.exec_driver_sql(f"{into} {rows} {on_conflict}", (*alike, *chain.from_iterable(some)))


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


def _alike(values: Sequence[Any]) -> bool:
    """Whether all rows say the same. Of few rows only "nothing" counts: else each post would make a new statement."""
    if len(values) < ROWS_A_STATEMENT:
        return not any(value is not None for value in values)
    return values.count(values[0]) == len(values)


def _listed_rows(names: Iterable[str], own: Iterable[str], count: int) -> str:
    """SQLite: what is alike are the first parameters, then come the rows."""
    place = {name: f"column{number}" for number, name in enumerate(own, 1)}
    chosen = ", ".join(place.get(name, "?") for name in names)
    rows = ", ".join([f"({', '.join('?' * len(place))})"] * count)
    # without WHERE the ON of a conflict would be read as that of a join
    return f"SELECT {chosen} FROM (VALUES {rows}) WHERE true"  # noqa: S608 - names of our own tables


def _unnested(types: Mapping[str, str], own: Collection[str]) -> str:
    """PostgreSQL: what is alike are the first parameters, then come the columns as arrays."""
    alike = [name for name in types if name not in own]
    given = {name: f"${number}::{types[name]}" for number, name in enumerate((*alike, *own), 1)}
    chosen = ", ".join(name if name in own else given[name] for name in types)
    arrays = ", ".join(f"{given[name]}[]" for name in own)
    return f"SELECT {chosen} FROM unnest({arrays}) AS own({', '.join(own)})"  # noqa: S608 - names of our own tables


def _pieces(rows: Sequence[tuple[Any, ...]], size: int) -> Iterator[Sequence[tuple[Any, ...]]]:
    return (rows[first : first + size] for first in range(0, len(rows), size))


def _converted(kind: sa.types.TypeEngine[Any], values: Sequence[Any], dialect: Dialect) -> Sequence[Any]:
    """The values as the driver wants them: SQLite's is slow with whatever is not exactly text or a number."""
    if isinstance(kind, UtcDateTime) and dialect.name == "sqlite":
        return list(map(_sqlite_time, values))
    if isinstance(kind, sa.Boolean) and dialect.name == "sqlite":
        return list(map(int, values))
    if isinstance(kind, Text):  # most rows of a column say the same
        known = {value: kind.process_bind_param(value, dialect) for value in set(values)}
        return [known[value] for value in values]
    if isinstance(kind, Key):
        return list(map(storable_key, values))
    if isinstance(kind, TypeDecorator):
        convert = kind.process_bind_param
        return [convert(value, dialect) for value in values]
    return values


@lru_cache(maxsize=256)
def _sqlite_time(value: datetime | None) -> str | None:
    """As SQLAlchemy writes and reads it. The times of one post are few."""
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
