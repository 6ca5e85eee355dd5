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
LOCK = "aiops.lock"


def is_claimed(folder: Path) -> bool:
    """Whether a process holds the folder. Nothing is written.

    Raises ConfigError where it, or what is in it, cannot be written, as far as the rights say.
    """
    _must_be_writable(folder)
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _must_be_writable(folder: Path) -> None:
    """One that is not there yet is made in the next one above that is."""
    above = (folder, *folder.absolute().parents)
    there = next(each for each in above if os.path.lexists(each))
    files = [folder / name for name in (LOCK, *FILES) if os.path.lexists(folder / name)]
    effective = os.access in os.supports_effective_ids
    for each, rights in ((there, os.W_OK | os.X_OK), *((file, os.W_OK) for file in files)):
        if not os.access(each, rights, effective_ids=effective) or (each == there and not each.is_dir()):
            raise ConfigError(f"AIOPS_DATA_DIR: {each} cannot be written; name a folder that can")


@contextlib.contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Make the folder and hold it until the block ends; the kernel lets go of it when the process is killed.

    Raises ConfigError where it cannot be written or another process holds it: two servers on one SQLite file would
    take each other's work for that of the dead.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / LOCK).open("a")
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
