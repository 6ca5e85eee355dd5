"""Which template does each line of a log have? For logs with a header and without; nobody says which is which.

    python benchmarks/logs.py LOGS OUT_FOLDER

Reads `<name>.raw.log.gz` and `<name>.content.txt.gz` of LOGS and writes `OUT_FOLDER/raw/<name>.txt` and
`OUT_FOLDER/content/<name>.txt`: one cluster a line, in the order of the log. Seconds are those of one core, memory is
the largest that Python had while it mined one log.
"""

import gzip
import sys
import time
import tracemalloc
from pathlib import Path

from aiops_processor.evidence.mining.miner import mine


def main(logs: Path, out: Path) -> None:
    print(f"{'log':20}{'kind':9}{'lines':>9}{'templates':>11}{'seconds':>9}{'MB':>7}")
    read, spent = 0, 0.0
    for path in sorted(logs.glob("*.gz")):
        name, kind, *_ = path.name.split(".")
        lines = gzip.decompress(path.read_bytes()).decode(errors="replace").removesuffix("\n").split("\n")
        templates, seconds = mined(lines)
        read, spent = read + len(lines), spent + seconds
        numbers = write(templates, out / kind / f"{name}.txt")
        print(f"{name:20}{kind:9}{len(lines):9}{numbers:11}{seconds:9.3f}{peak(lines):7.2f}")
    print(f"{read / (spent or 1):,.0f} lines/s on one core, headers learned anew for every log")


def mined(lines: list[str]) -> tuple[list[str], float]:
    before = time.process_time()
    templates = mine(lines)
    return templates, time.process_time() - before


def write(templates: list[str], path: Path) -> int:
    """The number of each line's template; how many there are."""
    numbers = {template: number for number, template in enumerate(dict.fromkeys(templates))}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{numbers[template]}\n" for template in templates))
    return len(numbers)


def peak(lines: list[str]) -> float:
    tracemalloc.start()
    mine(lines)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
