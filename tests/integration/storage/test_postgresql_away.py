"""PostgreSQL stops, starts, and refuses: what is said, and that the same objects work again afterwards."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from aiops_processor.errors import StorageBusy, StorageError
from aiops_processor.storage.address import postgresql_url
from aiops_processor.storage.database import Database
from aiops_processor.storage.migrate import migrate

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(postgresql: Any) -> AsyncIterator[Database]:
    opened = Database(postgresql.database())
    yield opened
    await opened.close()


@pytest.mark.parametrize("how", ["fast", "immediate"])
async def test_a_server_that_restarts_is_busy_and_then_works_again(
    postgresql: Any, database: Database, how: str
) -> None:
    async def stop_in_the_middle() -> None:
        async with database.write() as connection:
            postgresql.stop(how=how)
            await connection.execute(sa.text("SELECT 1"))

    with pytest.raises(StorageBusy):
        await stop_in_the_middle()
    try:
        with pytest.raises(StorageBusy):
            await database.ping()
        with pytest.raises(StorageBusy):
            migrate(database.url)
    finally:
        postgresql.start()
    await database.ping()


async def test_too_many_connections_may_pass(postgresql: Any) -> None:
    address = postgresql.database()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS few")
        connection.execute("CREATE ROLE few LOGIN CONNECTION LIMIT 0")
    opened = Database(postgresql_url(address).set(username="few"))
    with pytest.raises(StorageBusy):
        await opened.ping()
    await opened.close()


async def test_a_database_that_does_not_exist_is_named_with_the_remedy(postgresql: Any) -> None:
    nowhere = Database(postgresql_url(postgresql.database()).set(database="nowhere"))
    with pytest.raises(StorageError, match=r'database "nowhere" does not exist; create the database') as caught:
        await nowhere.ping()
    assert not isinstance(caught.value, StorageBusy)


async def test_a_process_frozen_in_its_turn_does_not_hold_up_the_others(postgresql: Any) -> None:
    """The settings of every session of ours; the server ends one that is idle in a transaction for so long."""
    opened = Database(postgresql.database())
    async with opened.read() as connection:
        for setting, value in (("idle_in_transaction_session_timeout", "10s"), ("lock_timeout", "5s")):
            assert (await connection.execute(sa.text(f"SHOW {setting}"))).scalar_one() == value
    await opened.close()
