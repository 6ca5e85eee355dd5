"""Two processes that start at once bring the database to its shape once."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from aiops_processor.storage.migrate import MIGRATIONS, head, migrate


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The settings that name a new, empty place."""
    if request.param == "sqlite":
        return {"AIOPS_DATA_DIR": str(tmp_path)}
    return {"DATABASE_URL": request.getfixturevalue("postgresql").empty_database()}


def test_two_processes_that_start_at_once_migrate_once(postgresql: Any) -> None:
    url = postgresql.empty_database()
    code = "import sys, sqlalchemy; from aiops_processor.storage.migrate import migrate as m; "
    command = [sys.executable, "-c", f"{code} print(m(sqlalchemy.make_url(sys.argv[1])))", url]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    answers = [(process.communicate(timeout=180), process.returncode) for process in started]
    assert [code for _, code in answers] == [0, 0, 0], answers
    said = sorted(output.decode().strip() for (output, _), _ in answers)
    assert said == sorted([f"(None, '{head()}')", f"('{head()}', '{head()}')", f"('{head()}', '{head()}')"])


def test_the_command_says_what_it_did(where: dict[str, str]) -> None:
    def run() -> str:
        command = [sys.executable, "-m", "aiops_processor", "migrate"]
        environment = {"PATH": os.environ["PATH"], **where}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert f"went from nothing, now at {head()}" in run()
    assert f"was up to date, now at {head()}" in run()


def test_a_migration_leaves_what_is_stored(database_url: str) -> None:
    assert migrate(sa.make_url(database_url)) == (head(), head())


def test_the_newest_revision_is_the_one_that_alembic_finds() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == head()
