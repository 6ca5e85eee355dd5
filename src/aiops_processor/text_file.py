"""Files that an operator wrote beside the configuration, read as text: what is wrong with one is told in a line."""

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
