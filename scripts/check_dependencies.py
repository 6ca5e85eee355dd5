"""Fail where what we depend on has a known hole, as pip-audit knows them.

It asks PyPI's service for each package. Where that cannot be reached, or knows none of them, nothing was looked at, and
this is said: with `--demanded` it fails, else (`make check`, which has to work without the internet) it does not.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

LOCK = Path(__file__).resolve().parents[1] / "requirements.txt"
BESIDE = Path(sys.executable).parent / "pip-audit"


class Looked(NamedTuple):
    """What was said of the packages of a lock file: how many were looked at, which were not, which have holes."""

    at: int
    skipped: list[str]
    holes: list[str]


class NotReached(Exception):
    """Nothing was looked at."""


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--demanded", action="store_true")
    arguments.add_argument("--pip-audit", type=Path, default=BESIDE)
    given = arguments.parse_args()
    try:
        # One first: where that is not known, the other seventy need not be asked.
        audit(given.pip_audit, first(LOCK.read_text()))
        looked = audit(given.pip_audit, LOCK.read_text())
    except NotReached as reason:
        print(f"dependencies: NOT LOOKED AT, {reason}; run `make audit` where pypi.org answers, before each release")
        return 1 if given.demanded else 0
    problems = [*looked.holes, *(f"not looked at: {name}" for name in looked.skipped)]
    print("\n".join(problems) or f"dependencies: no known hole in {looked.at} packages")
    return 1 if problems else 0


def first(lock: str) -> str:
    """The first package of a lock file, with its hashes."""
    lines = lock.splitlines()
    end = next(place for place, line in enumerate(lines) if place and not line.startswith(" "))
    return "\n".join(lines[:end]) + "\n"


def audit(program: Path, lock: str) -> Looked:
    """Ask about every package of a lock file. Raises NotReached where nothing is known of any."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(lock)
        file.flush()
        asks = [
            str(program),
            "--disable-pip",
            "--format=json",
            "--progress-spinner=off",
            "--timeout=10",
            f"--requirement={file.name}",
        ]
        ran = subprocess.run(asks, capture_output=True, text=True, check=False)  # 1: holes, or no answer
    try:
        packages = json.loads(ran.stdout)["dependencies"]
    except ValueError:
        last = (ran.stderr.strip() or "pip-audit said nothing").splitlines()[-1]
        raise NotReached(last) from None
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    if len(skipped) == len(packages):
        raise NotReached("the service that was asked knows none of our packages")
    holes = [f"{each['name']}: {hole['id']}" for each in packages for hole in each.get("vulns", ())]
    return Looked(len(packages) - len(skipped), skipped, holes)


if __name__ == "__main__":
    sys.exit(main())
