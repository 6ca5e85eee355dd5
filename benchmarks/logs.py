"""Which template does each line of a log have? For logs with a header and without; nobody says which is which.

    python benchmarks/logs.py LOGS OUT_FOLDER [--json]

Reads `<name>.raw.log.gz` and `<name>.content.txt.gz` of LOGS and writes `OUT_FOLDER/raw/<name>.txt` and
`OUT_FOLDER/content/<name>.txt`: one cluster a line, in the order of the log. Seconds are those of one core, memory is
the largest that Python had while it mined one log.
"""

import argparse
import gzip
import json
import time
import tracemalloc
from pathlib import Path
from typing import NamedTuple

from aiops_processor.evidence.mining.miner import mine

KINDS = {"raw": ".raw.log.gz", "content": ".content.txt.gz"}


class Row(NamedTuple):
    name: str
    kind: str
    lines: int
    templates: int
    seconds: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = [
        measure(path, kind, suffix, args.out) for kind, suffix in KINDS.items() for path in found(args.logs, suffix)
    ]
    speed = round(sum(row.lines for row in rows) / (sum(row.seconds for row in rows) or 1))
    result = {"logs": [row._asdict() for row in rows], "lines_per_second": speed}
    print(json.dumps(result) if args.json else table(rows, speed))


def found(folder: Path, suffix: str) -> list[Path]:
    return sorted(folder.glob(f"*{suffix}"))


def measure(path: Path, kind: str, suffix: str, out: Path) -> Row:
    name = path.name.removesuffix(suffix)
    lines = gzip.decompress(path.read_bytes()).decode(errors="replace").removesuffix("\n").split("\n")
    before = time.process_time()
    templates = mine(lines)
    seconds = time.process_time() - before
    numbers = {template: number for number, template in enumerate(dict.fromkeys(templates))}
    target = out / kind / f"{name}.txt"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join(f"{numbers[template]}\n" for template in templates))
    return Row(name, kind, len(lines), len(numbers), round(seconds, 4), round(peak(lines), 2))


def peak(lines: list[str]) -> float:
    tracemalloc.start()
    mine(lines)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


def table(rows: list[Row], speed: int) -> str:
    head = f"{'log':14}{'kind':9}{'lines':>8}{'templates':>11}{'seconds':>9}{'MB':>7}"
    body = [
        f"{row.name:14}{row.kind:9}{row.lines:8}{row.templates:11}{row.seconds:9.3f}{row.peak_mb:7.2f}" for row in rows
    ]
    return "\n".join([head, *body, f"{speed:,} lines/s on one core, headers learned anew for every log"])


if __name__ == "__main__":
    main()
