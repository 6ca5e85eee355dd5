"""Where the database is, as people write it."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from aiops_processor.errors import ConfigError
from aiops_processor.storage.address import as_text, postgresql_url, shown, sqlite_url, workflows_url


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("postgresql://u:p@db:5432/aiops", "postgresql://u:p@db:5432/aiops"),
        ("postgres://u:p@db/aiops", "postgresql://u:p@db/aiops"),
        (" postgresql+asyncpg://u:p@db/aiops\n", "postgresql://u:p@db/aiops"),
        ("postgres://u:p%40%2F@db/aiops?sslmode=require", "postgresql://u:p%40%2F@db/aiops?sslmode=require"),
        ("postgresql://u:@/aiops?host=/run/postgresql", "postgresql://u:@/aiops?host=%2Frun%2Fpostgresql"),
    ],
)
def test_every_spelling_of_an_address_is_one(given: str, wanted: str) -> None:
    assert as_text(postgresql_url(given)) == wanted


@pytest.mark.parametrize("given", ["mysql://u:hunter2@db/aiops", "hunter2", "postgresql://u:hunter2@db", "sqlite:///x"])
def test_what_is_no_address_of_postgresql_is_refused_without_repeating_it(given: str) -> None:
    with pytest.raises(
        ConfigError, match=r"DATABASE_URL.*expected postgresql://user:password@host:5432/aiops"
    ) as caught:
        postgresql_url(given)
    assert "hunter2" not in str(caught.value)


def test_people_see_the_server_and_the_database_and_no_password() -> None:
    assert shown(postgresql_url("postgres://u:hunter2@db:5433/aiops")) == "aiops on db:5433"
    assert shown(postgresql_url("postgres://u:hunter2@db/aiops")) == "aiops on db"
    assert shown(sa.make_url(sqlite_url(Path("/data")))) == "/data/aiops.sqlite"


def test_workflows_have_a_file_of_their_own_or_the_same_server() -> None:
    assert workflows_url(sa.make_url(sqlite_url(Path("/data")))).database == "/data/workflows.sqlite"
    url = postgresql_url("postgres://u:p@db/aiops")
    assert workflows_url(url) == url
