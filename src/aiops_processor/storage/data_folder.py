"""The folder with the SQLite files: one process at a time."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from aiops_processor.errors import ConfigError

# They are backed up in this order. The workflows' file says which steps are done, the application's holds their
# results: copied later it holds at least those, and what it holds beyond is done once more. The other way round, work
# would count as done whose result is not there.
FILES = ("workflows.sqlite", "aiops.sqlite")


@contextlib.contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Make the folder and hold it until the block ends; the kernel lets go of it when the process is killed.

    Raises ConfigError where it cannot be written or another process holds it: two servers on one SQLite file would
    take each other's work for that of the dead.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / "aiops.lock").open("a")
        for name in FILES:
            (folder / name).touch(mode=0o600)  # SQLite would let everybody read what it makes; a folder may be open
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
