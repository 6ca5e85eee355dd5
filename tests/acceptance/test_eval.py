"""`aiops eval` on recordings: one that is right, the same with another truth, and one that is broken."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from aiops_processor.demo.recording import bundled


def evaluate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aiops_processor", "eval", str(folder), *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def without_time(case: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in case.items() if name not in {"case", "seconds", "truth", "rank"}}


def test_recordings_are_played_alike_whatever_their_truth_and_a_broken_one_stands_apart(tmp_path: Path) -> None:
    shutil.copytree(bundled(), tmp_path / "deep" / "right")
    shutil.copytree(bundled(), tmp_path / "misled")
    (tmp_path / "misled" / "truth.json").write_text('{"entity": "gateway"}')
    shutil.copytree(bundled(), tmp_path / "broken")
    (tmp_path / "broken" / "series.jsonl.gz").write_bytes(b"no gzip")
    (tmp_path / "notes").mkdir()

    ran = evaluate(tmp_path, "--format", "json")

    assert ran.returncode == 1
    assert ran.stderr == ""
    found = json.loads(ran.stdout)
    cases = {case["case"]: case for case in found["cases"]}
    assert list(cases) == ["deep/right", "misled"]
    right, misled = cases["deep/right"], cases["misled"]
    assert (right["truth"], right["rank"], right["entities"][0], right["incidents"]) == ("payments", 1, "payments", 1)
    assert misled["rank"] == misled["entities"].index("gateway") + 1
    assert without_time(right) == without_time(misled)
    assert right["queries"] > 0
    assert right["failures"] == []
    (failure,) = found["summary"]["failures"]
    assert failure["case"] == "broken"
    assert "series.jsonl.gz" in failure["error"]
    assert (found["summary"]["cases"], found["summary"]["top1"]) == (2, 0.5)


def test_the_table_names_what_failed(tmp_path: Path) -> None:
    shutil.copytree(bundled(), tmp_path / "one")
    (tmp_path / "one" / "webhooks.jsonl").write_text("")
    ran = evaluate(tmp_path / "one")
    assert ran.returncode == 1
    assert "FAILED one: the recording has no webhooks" in ran.stdout


def test_a_folder_without_recordings_is_an_error_that_says_what_is_missing(tmp_path: Path) -> None:
    ran = evaluate(tmp_path)
    assert ran.returncode == 1
    assert "info.json" in ran.stderr
