"""A copy of the SQLite files of a running service, from which another one goes on."""

import contextlib
import os
import sqlite3
from pathlib import Path

from aiops_processor.errors import ConfigError, StorageError
from aiops_processor.storage.data_folder import FILES

BUSY_SECONDS = 30


def back_up(data: Path, folder: Path) -> list[Path]:
    """Copy the files of the data directory into a folder that has none yet; returns the copies.

    Nobody waits meanwhile: each copy is one reading of the file at one moment. Blocks: seconds for a gigabyte.
    Raises ConfigError where there is nothing to copy or no room for it, StorageError where a copy is damaged.
    """
    for name in FILES:
        if not (data / name).exists():
            raise ConfigError(f"AIOPS_DATA_DIR: {data} holds no {name}; name the folder of the service")
        if (folder / name).exists():
            raise ConfigError(f"{folder} holds a backup already; name a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return [_copied(data / name, folder / name) for name in FILES]
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written ({error.strerror}); name a folder that can") from error


def _copied(source: Path, target: Path) -> Path:
    """The copy takes its name when it is whole and on the disk."""
    unfinished = target.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)  # SQLite would let everybody on the machine read it
    try:
        with contextlib.closing(_opened(source)) as whole, contextlib.closing(sqlite3.connect(unfinished)) as copy:
            whole.backup(copy)
            (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise StorageError(f"{source} cannot be copied: {error}") from error
    if found != "ok":
        raise StorageError(f"the copy of {source} is damaged: {found}")
    with unfinished.open("rb") as written:
        os.fsync(written.fileno())
    return unfinished.rename(target)


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)
