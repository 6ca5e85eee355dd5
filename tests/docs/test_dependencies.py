"""The look for known holes in what we depend on, over a pip-audit that says what a test wants."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).resolve().parents[2]
SCRIPT = str(TOP / "scripts" / "check_dependencies.py")
CLEAN = {"name": "here", "version": "1", "vulns": []}
HOLE = {"name": "open", "version": "1", "vulns": [{"id": "CVE-2026-1"}]}
UNKNOWN = {"name": "gone", "skip_reason": "Dependency not found on PyPI"}

Looks = Callable[..., tuple[int, str]]


@pytest.fixture
def looks(tmp_path: Path) -> Looks:
    """Run the script; gives its code and what it says."""

    def run(said: str, *arguments: str) -> tuple[int, str]:
        program = tmp_path / "pip-audit"
        program.write_text(f"#!{sys.executable}\nprint({said!r})\n")
        program.chmod(0o700)
        command = [sys.executable, SCRIPT, f"--pip-audit={program}", *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, env={"PATH": os.defpath})
        return ran.returncode, ran.stdout

    return run


def packages(*each: dict[str, Any]) -> str:
    return json.dumps({"dependencies": each, "fixes": []})


def test_a_known_hole_fails_and_names_the_package(looks: Looks) -> None:
    assert looks(packages(CLEAN, HOLE)) == (1, "open: CVE-2026-1\n")


def test_what_has_none_passes(looks: Looks) -> None:
    assert looks(packages(CLEAN), "--demanded") == (0, "dependencies: no known hole in 1 packages\n")


def test_a_package_that_was_not_looked_at_is_not_called_clean(looks: Looks) -> None:
    assert looks(packages(CLEAN, UNKNOWN)) == (1, "not looked at: gone\n")


@pytest.mark.parametrize("said", [packages(UNKNOWN), "", "no JSON"])
def test_where_nothing_was_looked_at_it_is_said_and_fails_only_who_demands_it(said: str, looks: Looks) -> None:
    code, words = looks(said)
    assert (code, "NOT LOOKED AT" in words) == (0, True)
    assert looks(said, "--demanded") == (1, words)
