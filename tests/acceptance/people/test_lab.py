"""One fault of the lab, live, against real Prometheus and Alertmanager; all of them: benchmarks/lab.py."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "lab.py"
PROGRAMS = ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter")


@pytest.mark.shared
def test_a_service_that_was_killed_is_named_in_the_first_lines_of_evidence_and_people_hear_the_whole_story(
    shared: Path, story: Any
) -> None:
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    command = [sys.executable, str(SCRIPT), "--lab", str(shared / "lab"), "--faults", "down:payments", "--json"]
    channels = [part for name, value in story.settings.items() for part in ("--set", f"{name}={value}")]
    command += ["--quiet", "12", "--settle", "2", "--mend", *channels]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert ran.returncode == 0, ran.stderr
    (found,) = json.loads(ran.stdout)
    assert found["line"] is not None
    assert found["line"] <= 5
    assert found["gaps"] == []
    assert story.people.messages
    story.check()
