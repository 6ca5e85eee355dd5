import sqlite3
from pathlib import Path

import pytest

from aiops_processor.errors import ConfigError, StorageError
from aiops_processor.storage.backup import FILES, back_up


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory whose files are open, with rows that only the write-ahead log has."""
    folder = tmp_path / "a folder #1 of äll"
    folder.mkdir()
    for name in FILES:
        connection = sqlite3.connect(folder / name)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE rows (row)")
        connection.execute("INSERT INTO rows VALUES (?)", (name,))
        connection.commit()  # left open, so that nothing is moved from the log into the file
    return folder


def rows(path: Path) -> list[str]:
    return [row for (row,) in sqlite3.connect(path).execute("SELECT row FROM rows")]


def test_copies_hold_what_was_committed_while_the_files_are_in_use(data: Path, tmp_path: Path) -> None:
    writing = sqlite3.connect(data / "aiops.sqlite", isolation_level=None)
    writing.execute("BEGIN IMMEDIATE")
    writing.execute("INSERT INTO rows VALUES ('not committed')")
    made = back_up(data, tmp_path / "to" / "here")
    assert sorted(path.name for path in (tmp_path / "to" / "here").iterdir()) == sorted(FILES)
    assert [path.name for path in made] == ["workflows.sqlite", "aiops.sqlite"]
    assert [rows(path) for path in made] == [["workflows.sqlite"], ["aiops.sqlite"]]
    assert [path.stat().st_mode & 0o777 for path in made] == [0o600, 0o600], "nobody else may read what alerts say"


def test_the_workflows_are_copied_first(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the application's file holds is then never behind what counts as done."""
    order: list[str] = []
    monkeypatch.setattr(Path, "rename", lambda path, target: order.append(target.name) or target)
    back_up(data, tmp_path / "here")
    assert order == ["workflows.sqlite", "aiops.sqlite"]


def test_a_backup_that_is_there_is_not_overwritten(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "here")
    with pytest.raises(ConfigError, match=r"here holds a backup already; name a new folder"):
        back_up(data, tmp_path / "here")


def test_a_folder_without_a_service_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^AIOPS_DATA_DIR: .*holds no workflows\.sqlite"):
        back_up(tmp_path, tmp_path / "here")
    assert not (tmp_path / "here").exists()


def test_a_folder_that_cannot_be_written_is_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"file/here cannot be written \(Not a directory\)"):
        back_up(data, tmp_path / "file" / "here")


def test_a_file_that_is_damaged_makes_no_backup(data: Path, tmp_path: Path) -> None:
    (data / "workflows.sqlite").write_bytes(b"no database, but long enough to be looked at" * 100)
    for more in data.glob("workflows.sqlite-*"):
        more.unlink()
    with pytest.raises(StorageError, match=r"workflows\.sqlite cannot be copied: "):
        back_up(data, tmp_path / "here")
    assert not list((tmp_path / "here").glob("*.sqlite"))
