"""What the queries of this package are given."""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

T = TypeVar("T")


class Connection(Protocol):
    """A connection inside somebody's transaction; its results hold all of their rows."""

    @property
    def dialect(self) -> Dialect: ...

    async def execute(
        self, statement: sa.Executable, parameters: Any = None, /
    ) -> sa.CursorResult[*tuple[Any, ...]]: ...

    async def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> sa.CursorResult[*tuple[Any, ...]]: ...


Transaction = Callable[[Connection], Coroutine[Any, Any, T]]
"""Reads and writes through the connection, and waits for nothing else."""
