"""The folder with the SQLite files: one process at a time, and nobody else on the machine reads it."""

from pathlib import Path

import pytest

from aiops_processor.errors import ConfigError
from aiops_processor.storage.data_folder import FILES, claim, is_claimed


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    with claim(tmp_path), pytest.raises(ConfigError, match="is in use by another aiops process"), claim(tmp_path):
        pass


def test_nobody_else_may_read_the_files_even_in_a_folder_that_is_open_to_all(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with claim(tmp_path):
        assert [(tmp_path / name).stat().st_mode & 0o777 for name in FILES] == [0o600] * len(FILES)


def test_what_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "aiops.sqlite").write_bytes(b"rows")
    with claim(tmp_path):
        assert (tmp_path / "aiops.sqlite").read_bytes() == b"rows"


def test_looking_whether_a_folder_is_in_use_writes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    assert not is_claimed(folder)
    assert list(tmp_path.iterdir()) == []
    with claim(folder):
        assert is_claimed(folder)
    before = sorted(folder.iterdir())
    assert not is_claimed(folder)
    assert sorted(folder.iterdir()) == before


def test_a_folder_that_can_be_none_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "data"):
        with pytest.raises(ConfigError, match=rf"^AIOPS_DATA_DIR: {tmp_path}/file.* cannot be written; name a folder"):
            is_claimed(folder)
