"""Files that an operator wrote beside the configuration, read as text: what is wrong with one is told in a line."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from aiops_processor.errors import ConfigError


def read_text(path: Path, what: str) -> str:
    """The file's text. Raises ConfigError, which says for what it is read (`what`), names it and the remedy.

    Of what it holds the error tells nothing: it may be a secret.
    """
    try:
        return path.read_text(encoding="utf-8-sig")  # editors on Windows put a mark at the beginning
    except UnicodeDecodeError as error:
        before = error.object[: error.start].count(b"\n")
        raise ConfigError(f"{what}: {path} is not UTF-8 (line {before + 1}): save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{what}: {path} cannot be read: {error.strerror or type(error).__name__}") from None


def folder_problem(folder: Path, *, below: bool = False) -> str:
    """Why what this folder holds cannot be read, with the remedy; "" where it can. `below`: the folders in it, too.

    To list a folder takes the right r, to open what is in it x; without them Python finds nothing, or raises.
    """
    try:
        if not stat.S_ISDIR(folder.stat().st_mode):
            return f"{folder} is no folder"
    except (FileNotFoundError, NotADirectoryError):
        return f"{folder} is no folder"
    except OSError as error:
        return f"{folder} cannot be read: {error.strerror or type(error).__name__}; a folder above it needs x"
    for each in _folders(folder) if below else (folder,):
        if not os.access(each, os.R_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            return f"{each} cannot be read: the service's user needs r and x there; chmod u+rx {each}, or chown it"
    return ""


def _folders(folder: Path) -> Iterator[Path]:
    yield folder
    for parent, names, _ in os.walk(folder):
        yield from (Path(parent, name) for name in names)
