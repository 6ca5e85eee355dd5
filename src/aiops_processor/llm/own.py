"""What users add to the prompt, each a file in one folder:

system.md.j2, alert.md.j2, repair.md.j2    in place of ours
company.md                                 what a model should know of the company and its systems
components/NAME.md                         added where an alert or a finding is about NAME
runbooks/ALERTNAME.md                      added for that alert
extra.yaml                                 `name: what it is for`: fields of your own, filled by the model
"""

import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from aiops_processor.errors import ConfigError
from aiops_processor.llm.facts import cut
from aiops_processor.text_file import folder_problem, read_text

MOST_FIELDS = 20
TEXTS = {".j2", ".md", ".yaml"}
_FILE_NAME = re.compile(r"[\w.:@ -]{1,200}")


class Own:
    """The additions of one folder; None has none. What a file holds is read when it is needed, so edits take effect."""

    def __init__(self, folder: Path | None) -> None:
        if folder is not None and (problem := folder_problem(folder, below=True)):
            raise ConfigError(f"LLM_PROMPTS: {problem}")
        self._folder = folder

    def check(self) -> None:
        """Raises ConfigError for a text that cannot be read: one that is needed first when something fires, too."""
        for path in sorted(self._folder.rglob("*")) if self._folder else ():
            if path.suffix in TEXTS and path.is_file():
                read_text(path, "LLM_PROMPTS")

    @property
    def extra(self) -> dict[str, str]:
        """The fields of `extra.yaml`. Raises ConfigError."""
        text = self._read("extra.yaml")
        try:
            found = yaml.safe_load(text) if text else {}
        except yaml.YAMLError:
            raise ConfigError("LLM_PROMPTS: extra.yaml is not YAML") from None
        if not isinstance(found, dict) or len(found) > MOST_FIELDS:
            raise ConfigError(f"LLM_PROMPTS: extra.yaml holds `name: what it is for`, at most {MOST_FIELDS} of them")
        return {str(name): " ".join(str(about).split()).replace('"', "'") for name, about in found.items()}

    def context(self, names: Sequence[str], most: int) -> str:
        """Company, runbooks and components that bear on these names, in that order, in at most `most` bytes."""
        runbooks = [text for name in names if (text := self._of("runbooks", name))]
        components = [text for name in names if (text := self._of("components", name))]
        parts = [self._read("company.md"), *runbooks, *components]
        return cut("\n\n".join(filter(None, map(str.strip, parts))), most)

    def _of(self, kind: str, name: str) -> str:
        # The name comes from an alert: it must not lead anywhere else.
        if not _FILE_NAME.fullmatch(name) or name.startswith("."):
            return ""
        return self._read(f"{kind}/{name}.md")

    def _read(self, name: str) -> str:
        path = self._folder / name if self._folder else None
        return read_text(path, "LLM_PROMPTS") if path and _is_there(path) else ""


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # no right to look: who reads it says so
        return True
