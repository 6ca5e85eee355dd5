"""The plugins folder: an operator's own code and data beside the configuration file.

FILE.py     functions and classes marked with `@plugin("kind")`
_FILE.py    what several of them share: `from ._FILE import NAME`; nothing in it is a plugin
FILE.yaml   a query pack; FILE.yml, too
prompts/    what a model is told; see docs/how-to/prompts.md
"""

import importlib
import importlib.util
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any, NamedTuple

from aiops_processor.errors import PluginError
from aiops_processor.plugins import patience
from aiops_processor.plugins.kinds import check
from aiops_processor.plugins.marking import Mark, mark_of
from aiops_processor.plugins.patience import TooSlow, within
from aiops_processor.text_file import folder_problem

PROMPTS = "prompts"
PACKAGE = "aiops_plugins_folder"
PACKS = frozenset({".yaml", ".yml"})


class InFolder(NamedTuple):
    """A plugin of the folder, and the file that it is in."""

    mark: Mark
    made: Any
    file: Path


class Folder:
    """What a folder holds. Its Python files are imported when this is made.

    Raises PluginError for a folder that cannot be read or that others may write to, for a file that cannot be imported
    and for a plugin whose signature is wrong.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _must_be_there(path)
        _must_be_ours(path)
        _make_package(path)
        self.plugins = tuple(_once([each for file in self._python() for each in _plugins_of(file)]))

    @property
    def packs(self) -> tuple[Path, ...]:
        """The files of its query packs."""
        return tuple(sorted(each for each in self.path.glob("*.y*ml") if each.suffix in PACKS and each.name[0] != "_"))

    def _python(self) -> list[Path]:
        return sorted(each for each in self.path.glob("*.py") if not each.name.startswith("_"))


def _must_be_there(folder: Path) -> None:
    problem = folder_problem(folder)
    if not problem and (folder / PROMPTS).is_dir():
        problem = folder_problem(folder / PROMPTS, below=True)
    if problem:
        raise PluginError(f"PLUGINS_FOLDER: {problem}")


def _must_be_ours(folder: Path) -> None:
    """Whoever may write there runs code as us, and tells the model what to do.

    Kubernetes mounts a ConfigMap so that all may write and none can: the file system is read-only.
    """
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return
    for path in (folder, *folder.rglob("*")):
        if path.exists() and path.stat().st_mode & stat.S_IWOTH:
            raise PluginError(f"PLUGINS_FOLDER: everybody may write to {path}, and so run code here; chmod o-w {path}")


def _make_package(folder: Path) -> None:
    """Let the files import each other, as those of a package do; what was imported before is forgotten."""
    for name in [each for each in sys.modules if each == PACKAGE or each.startswith(f"{PACKAGE}.")]:
        del sys.modules[name]
    package = sys.modules[PACKAGE] = ModuleType(PACKAGE)
    package.__path__ = [str(folder)]
    importlib.invalidate_caches()


def _plugins_of(file: Path) -> list[InFolder]:
    module = _imported(file)
    found = []
    for made in list(vars(module).values()):
        mark = mark_of(made)
        if mark and getattr(made, "__module__", None) == module.__name__:  # not what it imported from another file
            _check(mark, made, file)
            found.append(InFolder(mark, made, file))
    if not found:
        raise PluginError(f'{file} holds no plugin: mark one with @plugin("filter"), or begin its name with _')
    return found


def _check(mark: Mark, made: object, file: Path) -> None:
    try:
        check(mark.kind, mark.name, made)
    except PluginError as error:
        raise PluginError(f"{file}: {error}") from None


def _imported(file: Path) -> ModuleType:
    """The file as a module, anew each time: a reload is to see what was changed.

    In a thread with a limit: one that waits for something must not keep the service from starting for ever.
    """
    _must_be_text(file)
    spec = importlib.util.spec_from_file_location(f"{PACKAGE}.{file.stem}", file)
    if spec is None or spec.loader is None:
        raise PluginError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # pydantic and dataclasses look their module up there
    load = spec.loader.exec_module
    try:
        within(patience.LOAD_SECONDS, f"importing {file.name}", lambda: load(module))
    except TooSlow:
        limit = f"{patience.LOAD_SECONDS:g} s"
        raise PluginError(f"{file} was not imported within {limit}: it waits for something at its top") from None
    except KeyboardInterrupt:  # of whoever waits here; it is no fault of the file
        raise
    except PluginError as error:  # what `@plugin` says of a wrong kind or name
        raise PluginError(f"{file}{_line(error, file)}: {error}") from None
    except BaseException as error:  # SystemExit too, which would end us; the error and its traceback are the cause
        what = f"{type(error).__name__}: {error}"
        raise PluginError(f"{file} cannot be imported{_line(error, file)}: {what}") from error
    return module


def _line(error: BaseException, file: Path) -> str:
    """` (line 3)`, the last one of the file that led to it; "" where none did: an error of syntax says it itself."""
    lines = [number for frame, number in walk_tb(error.__traceback__) if frame.f_code.co_filename == str(file)]
    return f" (line {lines[-1]})" if lines else ""


def _must_be_text(file: Path) -> None:
    try:
        importlib.util.decode_source(file.read_bytes())
    except (UnicodeDecodeError, SyntaxError):
        raise PluginError(f"{file} is not UTF-8: save it as UTF-8, or declare its encoding in the first line") from None
    except OSError as error:
        raise PluginError(f"{file} cannot be read: {error.strerror or type(error).__name__}") from None


def _once(found: Sequence[InFolder]) -> Iterator[InFolder]:
    seen: dict[tuple[str, str], Path] = {}
    for each in found:
        key = each.mark.kind, each.mark.name
        if key in seen:
            raise PluginError(f"two plugins are called {'.'.join(key)}: in {seen[key]} and in {each.file}")
        seen[key] = each.file
        yield each
