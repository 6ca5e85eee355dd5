"""The folder with the SQLite files: one process at a time."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from aiops_processor.errors import ConfigError


@contextlib.contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Make the folder and hold it until the block ends; the kernel lets go of it when the process is killed.

    Raises ConfigError where it cannot be written or another process holds it: two servers on one SQLite file would
    take each other's work for that of the dead.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / "aiops.lock").open("a")
    except OSError as error:
        raise ConfigError(
            f"AIOPS_DATA_DIR: {folder} cannot be written ({error.strerror}); name a folder that can"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                f"AIOPS_DATA_DIR: {folder} is in use by another aiops process; end it, or name another folder"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
